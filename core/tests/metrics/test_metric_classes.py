"""The torchmetrics classes: the three protocols by hand and against numpy, constant memory, processes, bad input."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import handpose_core.metrics
from handpose_core.errors import HandposeError
from handpose_core.metrics import HandMeshScore, HandPixelScore, HandPoseScore


def pair(errors):
    """Hands whose joints are off along x by the given errors (samples, 21)."""
    errors = torch.as_tensor(errors, dtype=torch.double)
    target = torch.randn(*errors.shape, 3, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    prediction = target.clone()
    prediction[..., 0] += errors
    return prediction, target


def score(errors, protocol="exact", annotated=None, visible=None):
    metric = HandPoseScore(protocol, alignment="none")
    metric.update(*pair(errors), annotated, visible)
    return metric.compute()


def two_joints(first, second):
    """Two samples in which the first two joints alone have a label."""
    errors = torch.zeros(2, 21)
    errors[:, 0], errors[:, 1] = torch.tensor(first), torch.tensor(second)
    annotated = torch.zeros(2, 21, dtype=torch.bool)
    annotated[:, :2] = True
    return errors, annotated


def test_exact_by_hand():
    result = score(*two_joints([5.0, 10.0], [25.0, 60.0])[:1], annotated=two_joints([5.0, 10.0], [25.0, 60.0])[1])
    assert (result.n_samples, result.n_joints) == (2, 4)
    assert result.epe_mean == pytest.approx(25.0)  # (5 + 10 + 25 + 60) / 4
    assert result.epe_median == pytest.approx(17.5, abs=0.005)  # (10 + 25) / 2
    assert result.auc_0_50 == pytest.approx(0.55)  # 1 - (5 + 10 + 25 + 50) / 200
    assert result.auc_20_50 == pytest.approx(1 - 35 / 120)  # (0 + 0 + 5 + 30) / (4 * 30)
    assert result.thresholds == tuple(range(51))
    assert [result.pck[t] for t in (4, 5, 10, 24, 25, 50)] == [0, 0.25, 0.5, 0.5, 0.75, 0.75]
    assert set(result.joints) == {"wrist", "thumb_cmc"}
    assert result.joints["wrist"].epe_mean == pytest.approx(7.5)
    assert result.fingers["thumb"].auc["0_50"] == pytest.approx(1 - 75 / 100)


def test_hand3d_by_hand():
    errors, annotated = two_joints([5.0, 10.0], [25.0, 60.0])
    visible = torch.ones(2, 21, dtype=torch.bool)
    visible[1, 1] = False  # the 60 mm are not seen
    result = score(errors, "hand3d", annotated, visible)
    assert result.n_joints == 3
    assert result.epe_mean == pytest.approx(16.25)  # mean of 7.5 and 25; pooled it were 13.33
    assert result.epe_median == pytest.approx(16.25, abs=0.005)
    # thresholds are k * 50 / 19. 5 is reached from k = 2 (5.26), 10 from k = 4 (10.53), 25 from k = 10 (26.32).
    # A curve that steps to 1 at k has area (19 - k + 1/2) * 50 / 19 of 50, so AUC (19.5 - k) / 19.
    first = (17.5 + 15.5) / 2 / 19
    second = 9.5 / 19
    assert result.auc_0_50 == pytest.approx((first + second) / 2)
    # the last 12 are k = 8 .. 19: the first joint is right at all, the second steps to 1 at k = 10: (19.5 - 10) / 11
    assert result.auc_20_50 == pytest.approx((1 + 9.5 / 11) / 2)
    assert len(result.thresholds) == 20
    assert result.thresholds[8] == pytest.approx(21.0526, abs=1e-4)
    assert result.pck[9] == pytest.approx(0.5)  # 23.7 mm: the first joint only


def test_freihand_by_hand():
    errors, annotated = two_joints([5.0, 10.0], [25.0, 60.0])
    result = score(errors, "freihand", annotated, torch.zeros(2, 21, dtype=torch.bool))
    assert result.n_joints == 4  # pooled, visible or not
    assert result.epe_mean == pytest.approx(25.0)
    # thresholds are k * 50 / 99: 5 from k = 10 (5.05), 10 from k = 20 (10.1), 25 from k = 50 (25.25), 60 never.
    assert result.auc_0_50 == pytest.approx((89.5 + 79.5 + 49.5 + 0) / 99 / 4)
    # 20-50 are k = 40 (20.2) .. 99: two right at all, one steps at k = 50, one never
    assert result.auc_20_50 == pytest.approx((1 + 1 + 49.5 / 59 + 0) / 4)
    assert len(result.thresholds) == 100


def hand3d_by_numpy(errors, visible):
    """Zimmermann & Brox's way, written down independently."""
    thresholds = np.linspace(0, 50, 20)
    mean, median, auc, auc_late = [], [], [], []
    for joint in range(21):
        seen = errors[visible[:, joint], joint]
        if not len(seen):
            continue
        curve = np.array([(seen <= t).mean() for t in thresholds])
        mean.append(seen.mean())
        median.append(np.median(seen))
        auc.append(np.trapezoid(curve, thresholds) / 50)
        auc_late.append(np.trapezoid(curve[-12:], thresholds[-12:]) / (50 - thresholds[-12]))
    return [np.mean(x) for x in (mean, median, auc, auc_late)]


def test_hand3d_agrees_with_numpy_on_random_hands():
    random = np.random.default_rng(1)
    errors, visible = random.gamma(2.0, 12.0, (301, 21)), random.random((301, 21)) < 0.7
    visible[:, 5] = False
    result = score(errors, "hand3d", visible=torch.tensor(visible))
    mean, median, auc, auc_late = hand3d_by_numpy(errors, visible)
    assert result.epe_mean == pytest.approx(mean, abs=1e-5)
    assert result.epe_median == pytest.approx(median, abs=0.005)
    assert result.auc_0_50 == pytest.approx(auc, abs=1e-9)
    assert result.auc_20_50 == pytest.approx(auc_late, abs=1e-9)
    assert "index_mcp" not in result.joints


@pytest.mark.parametrize(("scale", "bound"), [(1.0, 0.005), (1e3, None), (1e6, None)])
def test_the_median_keeps_its_documented_bound(scale, bound):
    errors = np.random.default_rng(2).gamma(2.0, 10.0, (77, 21)) * scale
    expected = np.median(errors)
    assert abs(score(errors).epe_median - expected) <= (bound + 1e-6 if bound else 0.005 * expected)


@given(st.lists(st.floats(0, 200), min_size=21, max_size=21))
@settings(deadline=None, max_examples=60)
def test_exact_auc_is_at_least_one_minus_epe_over_the_range(errors):
    result = score([errors])
    assert result.auc_0_50 >= 1 - result.epe_mean / 50 - 1e-12
    assert 0 <= result.auc_20_50 <= 1


def test_every_result_states_its_convention():
    metric = HandPoseScore("hand3d", "root_scale", root="palm", recover="true_root_and_scale")
    generator = torch.Generator().manual_seed(0)
    metric.update(torch.randn(3, 21, 3, generator=generator), torch.randn(3, 21, 3, generator=generator))
    result = metric.compute()
    printed = str(result)
    for words in ("protocol hand3d", "alignment root_scale", "root palm", "recover true_root_and_scale", "mm"):
        assert words in printed
    stated = result.as_dict()
    assert (stated["protocol"], stated["alignment"], stated["root"]) == ("hand3d", "root_scale", "palm")
    assert stated["auc_0_50"] == result.auc_0_50
    assert "palm" in stated["joints"]
    assert "wrist" not in stated["joints"]
    assert set(result.scalars()) == {"epe_mean", "epe_median", "auc_0_50", "auc_20_50"}


def test_root_alignment_uses_the_named_root():
    target = torch.randn(2, 21, 3, generator=torch.Generator().manual_seed(0))
    prediction = target + 5
    prediction[:, 0] += torch.tensor([30.0, 0, 0])
    errors = {}
    for root in ("wrist", "middle_mcp"):
        metric = HandPoseScore(root=root)
        metric.update(prediction, target)
        errors[root] = metric.compute().epe_mean
    assert errors == {"wrist": pytest.approx(600 / 21, abs=1e-4), "middle_mcp": pytest.approx(30 / 21, abs=1e-4)}


def test_pixels_by_hand():
    target = torch.zeros(1, 21, 2)
    prediction = target.clone()
    prediction[0, :2] = torch.tensor([[3.0, 4.0], [0.0, 40.0]])
    annotated = torch.zeros(1, 21, dtype=torch.bool)
    annotated[0, :2] = True
    target[0, 5:] = torch.nan
    metric = HandPixelScore(frame="image")
    metric.update(prediction, target, annotated)
    result = metric.compute()
    assert result.epe_mean == pytest.approx(22.5)  # (5 + 40) / 2
    assert result.overall.auc == {"0_30": pytest.approx(1 - 35 / 60)}  # (5 + 30) / (2 * 30)
    assert result.pck[4:6] == (0.0, 0.5)
    assert result.unit == "px (image)"
    assert "px (image)" in str(result)


def test_batches_add_up_and_forward_gives_the_batch():
    errors = np.random.default_rng(3).gamma(2.0, 10.0, (10, 21))
    prediction, target = pair(errors)
    metric = HandPoseScore(alignment="none")
    batch = metric(prediction[:3], target[:3])
    metric(prediction[3:], target[3:])
    assert batch.n_samples == 3
    assert batch.epe_mean == pytest.approx(errors[:3].mean())
    assert metric.compute() == score(errors)
    metric.reset()
    metric.update(prediction[:3], target[:3])
    assert metric.compute() == batch


def state_bytes(metric):
    return sum(state.numel() * state.element_size() for state in metric.metric_state.values())


@pytest.mark.parametrize("metric", [HandPoseScore(), HandPixelScore()])
def test_memory_does_not_grow(metric):
    dim = 3 if isinstance(metric, HandPoseScore) else 2
    before = state_bytes(metric)
    for _ in range(5):
        metric.update(torch.randn(50, 21, dim), torch.randn(50, 21, dim))
    assert state_bytes(metric) == before < 3e6
    assert metric.higher_is_better is False


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("metric", [HandPoseScore, HandPixelScore])
def test_a_prediction_that_is_not_finite_is_named(metric, value):
    dim = 3 if metric is HandPoseScore else 2
    prediction = torch.zeros(4, 21, dim)
    prediction[2, 8, 1] = value
    with pytest.raises(HandposeError, match=r"prediction, sample 2 of the batch, joint 8 \(index_tip\)"):
        metric().update(prediction, torch.zeros(4, 21, dim))


def test_a_truth_that_is_not_finite_is_named_only_where_it_is_annotated():
    target = torch.zeros(4, 21, 3)
    target[2, 8] = torch.nan
    annotated = torch.ones(4, 21, dtype=torch.bool)
    with pytest.raises(HandposeError, match="target, sample 2"):
        HandPoseScore().update(torch.zeros(4, 21, 3), target, annotated)
    annotated[2, 8] = False
    metric = HandPoseScore()
    metric.update(torch.zeros(4, 21, 3), target, annotated)
    assert metric.compute().n_joints == 83


def test_an_error_beyond_every_scene_is_named():
    prediction = torch.zeros(2, 21, 3)
    prediction[1, 4] = 1e30
    with pytest.raises(HandposeError, match="sample 1 of the batch, joint 4"):
        HandPoseScore(alignment="none").update(prediction, torch.zeros(2, 21, 3))


def test_nothing_counted_is_an_error_not_a_nan():
    metric = HandPoseScore()
    metric.update(torch.zeros(2, 21, 3), torch.zeros(2, 21, 3), torch.zeros(2, 21, dtype=torch.bool))
    with pytest.raises(HandposeError, match="no joint that counts in 2 samples"):
        metric.compute()


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: HandPoseScore(protocol="best"), "exact, hand3d, freihand"),
        (lambda: HandPoseScore(alignment="icp"), "none, root, root_scale, procrustes"),
        (lambda: HandPoseScore(root="elbow"), "palm, wrist"),
        (lambda: HandPixelScore(frame="screen"), "crop, image"),
        (lambda: HandMeshScore(alignment="root"), "none, procrustes"),
    ],
)
def test_an_unknown_name_lists_the_known_ones(make, names):
    with pytest.raises(HandposeError, match=names):
        make()


def test_meshes_are_averaged_over_samples():
    target = torch.randn(3, 50, 3, generator=torch.Generator().manual_seed(0)) * 200
    prediction = target + torch.tensor([0.0, 0.0, 10.0])
    metric = HandMeshScore("none")
    metric.update(prediction[:2], target[:2])
    metric.update(prediction[2:], target[2:])
    figures = metric.compute()
    assert figures.n_samples == 3
    assert figures.mpvpe == pytest.approx(10.0, abs=1e-4)
    assert (figures.f_5, figures.f_15) == (0.0, 1.0)
    aligned = HandMeshScore("procrustes")
    aligned.update(prediction, target)
    assert aligned.compute().mpvpe == pytest.approx(0.0, abs=1e-3)


def test_examples_in_the_docstrings():
    modules = pkgutil.walk_packages(handpose_core.metrics.__path__, "handpose_core.metrics.")
    results = {m.name: doctest.testmod(importlib.import_module(m.name), extraglobs={"torch": torch}) for m in modules}
    with_examples = {name.rpartition(".")[2] for name, result in results.items() if result.attempted}
    assert with_examples == {"errors", "mesh", "pose"}
    assert not [name for name, result in results.items() if result.failed]


@pytest.mark.usefixtures("no_type_check")
@pytest.mark.parametrize(
    ("metric", "shapes", "masks", "message"),
    [
        (HandPoseScore(), [(1, 21, 3), (5, 21, 3)], {}, "found 1 hands; expected 5"),
        (HandPoseScore(), [(5, 21, 2), (5, 21, 3)], {}, r"shape \(5, 21, 2\) of torch.float32"),
        (HandPoseScore(), [(5, 21, 3), (5, 21, 3)], {"annotated": torch.ones(21, dtype=torch.bool)}, r"shape \(21,\)"),
        (HandPoseScore(), [(5, 21, 3), (5, 21, 3)], {"visible": torch.ones(5, 21)}, "of torch.float32"),
        (HandPoseScore(), [(5, 21, 3), (5, 21, 3)], {"predicted": torch.ones(4, dtype=torch.bool)}, "predicted"),
        (HandPixelScore(), [(1, 21, 2), (5, 21, 2)], {}, "found 1 hands; expected 5"),
        (HandMeshScore(), [(1, 30, 3), (5, 30, 3)], {}, r"meshes of shape \(1, 30, 3\)"),
    ],
)
def test_shapes_that_would_broadcast_are_refused(metric, shapes, masks, message):
    with pytest.raises(HandposeError, match=message):
        metric.update(*(torch.rand(shape) for shape in shapes), **masks)


def test_samples_without_a_prediction_may_be_anything_and_are_wrong_among_all():
    errors = torch.full((4, 21), 10.0)
    prediction, target = pair(errors)
    prediction[2:] = torch.nan
    metric = HandPoseScore(alignment="none")
    metric.update(prediction, target, predicted=torch.tensor([True, True, False, False]))
    result = metric.compute()
    assert (result.n_samples, result.n_predicted, result.n_joints) == (4, 2, 42)
    assert result.epe_mean == pytest.approx(10, abs=1e-4)
    assert result.auc_0_50 == pytest.approx(0.8, abs=1e-5)
    assert result.missing_as_wrong.n_joints == 84
    assert result.missing_as_wrong.auc["0_50"] == pytest.approx(0.4, abs=1e-5)
    assert result.missing_as_wrong.pck[-1] == 0.5
