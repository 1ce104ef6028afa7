"""The pure functions against numbers worked by hand and against numpy and scipy."""

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from handpose_core.errors import HandposeError
from handpose_core.metrics.functional import (
    align_none,
    align_procrustes,
    align_root,
    align_root_scale,
    auc_exact,
    auc_trapezoid,
    distances,
    epe,
    f_score,
    mpvpe,
    pck,
)

ALL = torch.ones(4, dtype=torch.bool)


def test_distances_are_euclidean_and_single_precision_at_least():
    assert distances(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2)).tolist() == [5.0]
    half = torch.tensor([[1000.0, 0.0, 0.0]], dtype=torch.bfloat16)
    assert distances(half, torch.zeros_like(half)).dtype == torch.float32


def test_epe_pck_and_exact_auc_by_hand():
    errors = torch.tensor([5.0, 10.0, 25.0, 60.0])
    assert epe(errors, ALL) == 25.0  # (5 + 10 + 25 + 60) / 4
    counted = torch.tensor([True, True, True, False])
    assert epe(errors, counted) == pytest.approx(40 / 3)
    # <= 4: none; <= 5: one; <= 10: two; <= 59: three; <= 60: four
    thresholds = torch.tensor([4.0, 5.0, 10.0, 59.0, 60.0])
    assert pck(errors, ALL, thresholds).tolist() == [0, 0.25, 0.5, 0.75, 1]
    # clip(e, 0, 50) = 5, 10, 25, 50: 1 - 90 / (4 * 50)
    assert auc_exact(errors, ALL, 0.0, 50.0) == pytest.approx(0.55)
    # clip(e - 20, 0, 30) = 0, 0, 5, 30: 1 - 35 / (4 * 30)
    assert auc_exact(errors, ALL, 20.0, 50.0) == pytest.approx(1 - 35 / 120)


def test_exact_auc_is_the_limit_of_fine_thresholds():
    errors = torch.tensor(np.random.default_rng(0).gamma(2.0, 10.0, 500))
    thresholds = torch.linspace(0, 50, 200_001, dtype=torch.double)
    curve = pck(errors, errors >= 0, thresholds)
    for low in (0.0, 20.0):
        fine = auc_trapezoid(curve, thresholds, low, 50.0)
        assert auc_exact(errors, errors >= 0, low, 50.0) == pytest.approx(float(fine), abs=1e-5)


def test_trapezoid_auc_uses_the_thresholds_inside_the_range():
    thresholds = torch.tensor([0.0, 10.0, 20.0, 30.0])
    curve = torch.tensor([0.0, 0.5, 0.5, 1.0])
    # 10 * (0 + 0.5) / 2 + 10 * 0.5 + 10 * 0.75 = 15, over 30
    assert auc_trapezoid(curve, thresholds, 0.0, 30.0) == pytest.approx(0.5)
    # from the first threshold not below 15, which is 20: 10 * 0.75, over 10
    assert auc_trapezoid(curve, thresholds, 15.0, 30.0) == pytest.approx(0.75)


def hands(seed, n=5):
    generator = torch.Generator().manual_seed(seed)
    hand = torch.randn(n, 21, 3, generator=generator, dtype=torch.double) * 40
    return hand + torch.tensor([30.0, -20.0, 600.0], dtype=torch.double)


def masked(n=5):
    return torch.ones(n, 21, dtype=torch.bool)


def test_root_alignment_removes_each_hands_own_root():
    target = hands(0)
    offset = torch.tensor([10.0, 0.0, 50.0], dtype=torch.double)
    prediction, aligned = align_root(target + offset, target, masked(), 0)
    torch.testing.assert_close(prediction, aligned)
    assert not aligned[:, 0].any()
    unchanged = align_none(target + offset, target, masked(), 0)
    assert distances(*unchanged).mean() == pytest.approx(2600**0.5)


def test_root_scale_makes_the_reference_bone_as_long_as_the_true_one():
    target = hands(1)
    prediction, aligned = align_root_scale(target * 1.7 + 3, target, masked(), 0)
    torch.testing.assert_close(prediction, aligned)


def scipy_procrustes(prediction, target):
    """Rotation from scipy's Kabsch, scale and translation from its least-squares conditions."""
    p, t = prediction - prediction.mean(0), target - target.mean(0)
    rotated = Rotation.align_vectors(t, p)[0].apply(p)
    return rotated * (rotated * t).sum() / (p * p).sum() + target.mean(0)


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_procrustes_agrees_with_scipy(mirror):
    target = hands(2)
    prediction = hands(2) * torch.tensor([mirror, 1.0, 1.0]) + hands(3) * 0.2
    prediction = prediction @ torch.tensor(Rotation.from_euler("xyz", [1.0, 2.0, 3.0]).as_matrix()).T * 0.6
    aligned, _ = align_procrustes(prediction, target, masked(), 0)
    expected = np.stack([scipy_procrustes(p, t) for p, t in zip(prediction.numpy(), target.numpy(), strict=True)])
    np.testing.assert_allclose(aligned.numpy(), expected, atol=1e-6)


def test_procrustes_undoes_a_similarity_but_no_reflection():
    target = hands(4)
    turned = target @ torch.tensor(Rotation.from_euler("z", 2.0).as_matrix()).T * 3 - 100
    torch.testing.assert_close(align_procrustes(turned, target, masked(), 0)[0], target)
    mirrored = target * torch.tensor([-1.0, 1.0, 1.0])
    assert distances(align_procrustes(mirrored, target, masked(), 0)[0], target).mean() > 10


def test_procrustes_fits_labelled_joints_alone():
    target = hands(5)
    annotated = masked()
    annotated[:, 20] = False
    prediction = target * 2
    prediction[:, 20] = 1e6
    aligned, _ = align_procrustes(prediction, target, annotated, 0)
    torch.testing.assert_close(aligned[:, :20], target[:, :20])


@pytest.mark.parametrize("shape", ["point", "line", "plane"])
@pytest.mark.parametrize("which", ["prediction", "target", "both"])
def test_procrustes_of_flattened_hands_is_finite_and_no_worse_than_the_centroid(shape, which):
    kept = {"point": 0, "line": 1, "plane": 2}[shape]
    flat = hands(6)
    flat[..., kept:] = 7.0
    prediction = flat if which != "target" else hands(7)
    target = flat if which != "prediction" else hands(7)
    aligned, _ = align_procrustes(prediction.float(), target.float(), masked(), 0)
    error = distances(aligned, target.float()).square().sum(1)
    spread = distances(target.mean(1, keepdim=True).expand_as(target), target).square().sum(1)
    assert torch.isfinite(aligned).all()
    assert (error <= spread * (1 + 1e-5) + 1e-2).all()


def test_alignment_is_single_precision_under_autocast():
    target = hands(8).float()
    prediction = target + torch.randn(5, 21, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside, _ = align_procrustes(prediction, target, masked(), 0)
    torch.testing.assert_close(inside, align_procrustes(prediction, target, masked(), 0)[0])


@pytest.mark.parametrize(
    ("align", "missing", "message"),
    [
        (align_root, [0], "sample 3 of the batch.*wrist"),
        (align_root_scale, [10], "sample 3 of the batch.*middle_pip"),
        (align_procrustes, list(range(19)), "sample 3 of the batch.*fewer than three"),
    ],
)
def test_a_sample_without_the_joints_an_alignment_needs_is_named(align, missing, message):
    annotated = masked()
    annotated[3, missing] = False
    with pytest.raises(HandposeError, match=message):
        align(hands(0), hands(1), annotated, 0)


@pytest.mark.parametrize("align", [align_none, align_root, align_root_scale, align_procrustes])
def test_a_sample_without_any_label_passes_through_finite(align):
    annotated = masked()
    annotated[3] = False
    target = hands(1)
    target[3] = 0
    prediction, target = align(hands(0), target, annotated, 0)
    assert torch.isfinite(prediction).all()
    assert torch.isfinite(target).all()


def test_root_scale_refuses_a_bone_without_length():
    collapsed = torch.ones(5, 21, 3)
    with pytest.raises(HandposeError, match="predicted reference bone"):
        align_root_scale(collapsed, hands(0).float(), masked(), 0)
    with pytest.raises(HandposeError, match="true reference bone"):
        align_root_scale(hands(0).float(), collapsed, masked(), 0)


def test_mesh_errors_by_hand():
    target = torch.tensor([[[0.0, 0, 0], [100, 0, 0], [200, 0, 0]]])
    prediction = target + torch.tensor([[[0.0, 3, 0], [0, 0, 6], [0, 0, 30]]])
    assert mpvpe(prediction, target).tolist() == [13.0]  # (3 + 6 + 30) / 3
    # nearest distances both ways are 3, 6, 30: one of three below 5, two of three below 15
    assert f_score(prediction, target, torch.tensor([5.0, 15.0]))[0].tolist() == pytest.approx([1 / 3, 2 / 3])


def test_f_score_agrees_with_a_kd_tree_a_metre_away():
    generator = torch.Generator().manual_seed(0)
    prediction = torch.rand(2, 300, 3, generator=generator) * 60 + torch.tensor([0.0, 0.0, 1000.0])
    target = torch.rand(2, 200, 3, generator=generator) * 60 + torch.tensor([0.0, 0.0, 1000.0])
    found = f_score(prediction, target, torch.tensor([5.0, 15.0]))
    for p, t, scores in zip(prediction.numpy(), target.numpy(), found, strict=True):
        for threshold, score in zip((5.0, 15.0), scores, strict=True):
            precision = (cKDTree(t).query(p)[0] < threshold).mean()
            recall = (cKDTree(p).query(t)[0] < threshold).mean()
            assert float(score) == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-5)
