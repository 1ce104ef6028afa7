"""Which samples' joint depths are labelled, and what a training learns from them."""

import pytest
import torch
from dggan.tests.stages import SIZES

from handpose_core.errors import HandposeError
from handpose_dggan.labels import AllDepths, ShareOfDepths
from handpose_dggan.module import DGGANModule
from handpose_dggan.objectives import Labelled, Regularisation, TrueDepth


def test_a_share_is_spread_evenly_over_the_indices():
    known = ShareOfDepths(0.05).known({"index": torch.arange(2000)})
    assert known.sum() == pytest.approx(100, abs=1)
    gaps = known.nonzero().flatten().diff()
    assert gaps.max() <= 34
    assert gaps.min() >= 5
    assert AllDepths().known({"index": torch.arange(5)}).all()
    assert not ShareOfDepths(0.0).known({"index": torch.arange(2000)}).any()


def test_a_share_does_not_depend_on_the_batch():
    chosen = ShareOfDepths(0.3)
    whole = chosen.known({"index": torch.arange(100)})
    order = torch.randperm(100)
    assert torch.equal(chosen.known({"index": order}), whole[order])


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_what_is_no_share_is_refused(share):
    with pytest.raises(HandposeError, match="share"):
        ShareOfDepths(share)


def _only_first(batch):
    return {**batch, "index": torch.arange(len(batch["index"]))}  # of the multiples of 0.618, 0 alone is below 0.1


def test_unlabelled_depths_add_nothing_to_the_loss(depth_batch):
    batch = _only_first(depth_batch)
    module = DGGANModule(**SIZES, depth_labels=ShareOfDepths(0.1))
    output = module(batch["image"])
    few = module.pose_losses(output, batch)
    changed = {**batch, "joints_3d": batch["joints_3d"].clone()}
    changed["joints_3d"][1:] += 100 * torch.rand_like(changed["joints_3d"][1:])
    assert module.pose_losses(output, changed)["loss_z"] == few["loss_z"]
    first = {key: value[:1] for key, value in batch.items()}
    alone = DGGANModule(**SIZES).pose_losses(([stage[:1] for stage in output[0]], output[1][:1]), first)
    assert few["loss_z"].item() == pytest.approx(alone["loss_z"].item())


def test_the_regulariser_learns_from_labelled_joints_only_where_they_are(depth_batch):
    batch = _only_first(depth_batch)
    module = DGGANModule(**SIZES, objective=Regularisation(TrueDepth(), Labelled()), depth_labels=ShareOfDepths(0.1))
    few = module.objective.step(module, batch).values["loss_dep"].item()
    changed = {**batch, "joints_3d": batch["joints_3d"].clone()}
    changed["joints_3d"][1:] += 100 * torch.rand_like(changed["joints_3d"][1:])
    assert module.objective.step(module, changed).values["loss_dep"].item() == pytest.approx(few)


def test_what_is_labelled_is_said_with_the_results():
    assert (
        "ShareOfDepths(share=0.25)" in DGGANModule(**SIZES, depth_labels=ShareOfDepths(0.25)).describe()["depth_labels"]
    )
