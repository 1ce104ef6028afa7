"""Trivial rows, worked out by hand."""

import pytest
import pytorch_lightning as pl
import torch
from core.tests.training.test_baselines import K, Linear, batch_of
from torch.utils.data import DataLoader

from handpose_core.datasets.sample import collate
from handpose_core.errors import HandposeError
from handpose_core.hand import Side
from handpose_core.training.trivial_rows import CONSTANT_2D, CONSTANT_3D, TrivialRows

pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.`"),
]
MIRROR = torch.tensor([-1.0, 1, 1])


def hands(count, scale, side, seed=0):
    """One hand, wherever it is and however large; left ones are mirror images."""
    generator = torch.Generator().manual_seed(seed)
    shape = torch.randn(21, 3, generator=torch.Generator().manual_seed(9)) * scale
    wrist = torch.randn(count, 1, 3, generator=generator) * 30 + torch.tensor([0.0, 0, 600])
    joints = wrist + (shape - shape[0]) * (MIRROR if side == Side.LEFT else 1)
    return {**batch_of(joints), "side": torch.full((count,), int(side))}


def both(*batches):
    return {key: torch.cat([batch[key] for batch in batches]) for key in batches[0]}


def scores_of(rows, batch, folder):
    module = Linear()
    samples = [{key: value[i] for key, value in batch.items()} for i in range(len(batch["image"]))]
    trainer = pl.Trainer(
        default_root_dir=folder, accelerator="cpu", logger=False, callbacks=[rows], enable_progress_bar=False
    )
    trainer.test(module, DataLoader(samples, batch_size=3, collate_fn=collate), verbose=False)
    return {(row.name, row.score.alignment, row.score.unit): row.score for row in module.results}


def test_a_constant_hand_that_is_the_true_one_has_no_error_whatever_its_side_and_size(tmp_path):
    rows = TrivialRows()
    rows.learn([hands(3, 40, Side.RIGHT), hands(2, 55, Side.LEFT, seed=1)], Linear())
    scores = scores_of(rows, both(hands(2, 30, Side.LEFT, seed=2), hands(2, 45, Side.RIGHT, seed=3)), tmp_path)
    for alignment in ("none", "root", "root_scale", "procrustes"):
        score = scores[CONSTANT_3D, alignment, "mm"]
        assert score.epe_mean == pytest.approx(0, abs=0.01)
        assert score.recover == "true_wrist_and_scale_and_side"
    assert scores["linear", "none", "mm"].epe_mean > 10  # the untrained network
    assert (CONSTANT_3D, "none", "px (crop)") not in scores


def test_the_constant_hand_is_learnt_from_training_alone(tmp_path):
    train, test = hands(3, 40, Side.RIGHT), hands(3, 40, Side.RIGHT)
    test["joints_3d"] = test["joints_3d"].clone()
    test["joints_3d"][:, 8] += torch.tensor([21.0, 0, 0])  # one joint of 21
    rows = TrivialRows()
    rows.learn([train], Linear())
    scores = scores_of(rows, test, tmp_path)
    assert scores[CONSTANT_3D, "none", "mm"].epe_mean == pytest.approx(1.0, abs=1e-3)


def test_after_procrustes_the_constant_is_the_shape_whatever_its_direction(tmp_path):
    seen = hands(4, 40, Side.RIGHT)
    wrist = seen["joints_3d"][:, :1]
    turns = torch.linalg.qr(torch.randn(4, 3, 3, generator=torch.Generator().manual_seed(1))).Q
    turns = turns * torch.linalg.det(turns).sign()[:, None, None]
    turned = {**seen, "joints_3d": (seen["joints_3d"] - wrist) @ turns.mT + wrist}
    rows = TrivialRows()
    rows.learn([turned], Linear())
    scores = scores_of(rows, seen, tmp_path)
    assert scores[CONSTANT_3D, "procrustes", "mm"].epe_mean == pytest.approx(0, abs=0.05)
    assert scores[CONSTANT_3D, "none", "mm"].epe_mean > 10


def test_without_alignment_the_constant_that_is_recovered_as_methods_are_may_be_better(tmp_path):
    """The index finger's places in the crop are the same, the wrist's are not: who knows the wrist errs by it."""
    seen = hands(6, 40, Side.RIGHT)
    joints = seen["joints_3d"][:1].expand(6, 21, 3).clone()
    joints[:, 0, :2] += torch.tensor([[40.0, 0], [-40, 0], [0, 40], [0, -40], [30, 30], [-30, -30]])
    seen = {**batch_of(joints), "side": seen["side"]}
    rows = TrivialRows()
    rows.learn([seen], Linear())
    scores = scores_of(rows, seen, tmp_path)
    none, root = (scores[CONSTANT_3D, alignment, "mm"] for alignment in ("none", "root"))
    assert none.recover == "true_root_and_scale_and_side"
    wrist = (joints[:, 0] - joints[:, 0].mean(0)).norm(dim=-1).mean().item()
    assert none.epe_mean == pytest.approx(wrist / 21, abs=0.05)  # of the wrist alone
    assert root.epe_mean > 30


def test_the_constant_pixels_are_the_mean_of_the_right_handed_view(tmp_path):
    right = {"image": torch.zeros(1, 3, 8, 8), "joints_2d": torch.full((1, 21, 2), 2.0),
             "annotated": torch.ones(1, 21, dtype=torch.bool), "visible": torch.ones(1, 21, dtype=torch.bool),
             "K": K[None], "index": torch.zeros(1, dtype=torch.long), "side": torch.tensor([1])}  # fmt: skip
    left = {**right, "joints_2d": torch.tensor([3.0, 4.0]).expand(1, 21, 2), "side": torch.tensor([0])}
    rows = TrivialRows()
    rows.learn([right, left], Linear())  # (2, 2) and (7 - 3, 4): mean (3, 3)
    scores = scores_of(rows, right, tmp_path)
    assert scores[CONSTANT_2D, "none", "px (crop)"].epe_mean == pytest.approx(2**0.5, abs=1e-4)
    assert not [name for name in scores if name[2] == "mm"]  # no 3D joints
    mirrored = scores_of(rows, {**left, "joints_2d": torch.tensor([4.0, 3.0]).expand(1, 21, 2)}, tmp_path)
    assert mirrored[CONSTANT_2D, "none", "px (crop)"].epe_mean == pytest.approx(0, abs=1e-4)


def test_flat_depth_is_scored_in_every_alignment(tmp_path):
    batch = hands(3, 40, Side.RIGHT)
    rows = TrivialRows()
    rows.learn([batch], Linear())
    scores = scores_of(rows, batch, tmp_path)
    truth = batch["joints_3d"]
    rays = (truth[..., :2] / truth[..., 2:]) * truth[:, :1, 2:]
    flat = torch.cat([rays, truth[:, :1, 2:].expand(-1, 21, 1)], dim=-1)
    expected = (flat - truth).norm(dim=-1).mean().item()
    assert scores["true 2D, flat depth", "none", "mm"].epe_mean == pytest.approx(expected, rel=1e-3)
    assert scores["true 2D, flat depth", "procrustes", "mm"].epe_mean < expected


def test_data_without_labels_are_named():
    with pytest.raises(HandposeError, match="training split, joints_2d: found nothing"):
        TrivialRows().learn([{"image": torch.zeros(1, 3, 8, 8)}], Linear())
