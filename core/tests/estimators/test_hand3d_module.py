import pytest
import pytorch_lightning as pl
import torch
from core.tests.training.stand_ins import assert_stand_ins_do_not_count

from handpose_core.camera import transform_pixels
from handpose_core.errors import HandposeError
from handpose_core.estimators.hand3d.module import Hand3DModule
from handpose_core.estimators.hand3d.objectives import Keypoints, LiftToSpace, Segmentation
from handpose_core.nn.cpm import CPMSize
from handpose_core.nn.hand3d import BranchSize, Hand3DSize, Output, canonical_frame
from handpose_core.nn.heatmaps import gaussian_heatmaps
from handpose_core.nn.localise import GivenCrop, SegmentedHand

BRANCH = BranchSize(convolutions=(32, 32), hidden=(64, 64), grid=16, norm="batch")
TRUNK = {"trunk": ((16, 1), (32, 1)), "stem_stride": 2, "features": 32, "first_width": 32, "norm": "batch"}
SMALL = Hand3DSize(
    segmentation=CPMSize(**TRUNK, stages=1, maps=2),
    posenet=CPMSize(**TRUNK, stages=2, width=32, convolutions=1, kernel=5, maps=21),
    prior=BRANCH,
    viewpoint=BRANCH,
)
KEYPOINTS = Keypoints(sigma=4.0, loss_size=32)
GIVEN = GivenCrop()
PARTS = ("segmentation", "posenet", "lifting")
OBJECTIVES = dict(zip(PARTS, (Segmentation(), KEYPOINTS, LiftToSpace()), strict=True))


def module(objective=KEYPOINTS, localiser=GIVEN):
    torch.manual_seed(0)
    return Hand3DModule(SMALL, localiser, objective, scale_mm=45.0)


def learn(trained, batch, steps):
    """The objective's values after some steps on one batch."""
    optimizer = torch.optim.AdamW([p for p in trained.parameters() if p.requires_grad], lr=3e-3, weight_decay=0)
    for _ in range(steps):
        optimizer.zero_grad()
        values = trained.objective.losses(trained.network, batch)
        values["loss"].backward()
        optimizer.step()
    return {name: value.item() for name, value in values.items()}


def perfect_output(batch, A):
    maps = gaussian_heatmaps(transform_pixels(batch["joints_2d"], A), 4.0, 64, 64)
    return Output(A, [maps], canonical_frame(batch["joints_3d"], batch["annotated"]))


@pytest.mark.parametrize("part", PARTS)
def test_an_objective_trains_its_network_and_leaves_the_others_as_they_are(part, hands):
    trained = module(OBJECTIVES[part])
    before = {name: value.clone() for name, value in trained.network.state_dict().items()}
    learn(trained, hands, 2)
    after = trained.network.state_dict()
    changed = {name.partition(".")[0] for name in after if not torch.equal(before[name], after[name])}
    assert changed == {part}  # statistics of normalisations among them
    assert {name for name, child in trained.network.named_children() if child.training} == {part}
    trained.eval()
    assert not any(child.training for child in trained.network.modules())


def test_one_batch_can_be_learnt_by_heart_stage_by_stage(hands):
    """Masks, pixels, then millimetres."""
    segmentation = module(Segmentation(), SegmentedHand())
    assert learn(segmentation, hands, 60)["iou"] > 0.8
    found = module(KEYPOINTS, SegmentedHand())
    found.network.segmentation.load_state_dict(segmentation.network.segmentation.state_dict())
    learn(found, hands, 120)
    lifted = module(LiftToSpace(), SegmentedHand())
    lifted.network.load_state_dict(found.network.state_dict())
    learn(lifted, hands, 150)
    prediction = lifted.estimate(hands, "true_root_and_scale")  # in training mode: the batch is what it knows
    errors_2d = (found.estimate(hands, "true_root_and_scale").joints_2d - hands["joints_2d"]).norm(dim=-1)
    error = (prediction.joints_3d - hands["joints_3d"]).norm(dim=-1).mean().item()
    size = (hands["joints_3d"] - hands["joints_3d"][:, :1]).norm(dim=-1).mean().item()
    assert errors_2d.median() < 2
    assert error < 15 < size / 4


@pytest.mark.parametrize("zoomed", [False, True])
def test_decoding_the_truth_gives_the_truth(hands, zoomed):
    localiser = SegmentedHand() if zoomed else GivenCrop()
    A = localiser(hands["mask"][:, 0].float())
    assert bool((A[:, 0, 0] != 1).all()) == zoomed
    made = module()
    estimate = made.decode(perfect_output(hands, A), 64)
    assert (estimate.joints_2d - hands["joints_2d"]).abs().max() < 0.05
    joints = made.recover(estimate, hands, "true_root_and_scale").joints_3d
    assert torch.allclose(joints, hands["joints_3d"], atol=1e-2)
    blind = made.recover(estimate, {"K": hands["K"]}, "predicted").joints_3d
    assert ((blind - blind[:, :1]) / 45 - estimate.xyz).abs().max() < 1e-3


def test_losses_vanish_on_the_truth_wherever_the_crop_is(hands, monkeypatch):
    A = SegmentedHand()(hands["mask"][:, 0].float())
    truth = perfect_output(hands, A)
    made = module(Keypoints(sigma=4.0, loss_size=64))
    monkeypatch.setattr(made.network, "locate", lambda image: (A, truth.stages))
    monkeypatch.setattr(made.network.lifting, "forward", lambda maps, side: truth.placed)
    assert made.losses(truth, hands)["loss"].item() == pytest.approx(0, abs=1e-9)
    assert LiftToSpace().losses(made.network, hands)["loss"].item() == pytest.approx(0, abs=1e-9)


def test_hands_without_the_frames_joints_do_not_count(hands):
    made = module(LiftToSpace())
    made.eval()
    whole = made.objective.losses(made.network, {key: value[:3] for key, value in hands.items()})
    hands["annotated"][3, 9] = False
    hands["joints_3d"][3, 9] = torch.nan
    partial = made.objective.losses(made.network, hands)
    assert all(partial[name].item() == pytest.approx(value.item(), rel=1e-5) for name, value in whole.items())


@pytest.mark.parametrize(("part", "keys"), [("segmentation", ["mask"]), ("lifting", ["joints_3d"])])
def test_samples_of_a_mixture_without_labels_do_not_count(part, keys, hands):
    made = module(OBJECTIVES[part]).eval()

    def losses(batch):
        return made.objective.losses(made.network, batch)

    assert_stand_ins_do_not_count(losses, hands, keys, {"loss"})


def test_what_a_batch_lacks_is_named(hands):
    side = hands.pop("side")
    with pytest.raises(HandposeError, match="for a folder of images set"):
        module().estimate(hands, "predicted")
    del hands["mask"]
    made = module(Segmentation())
    with pytest.raises(HandposeError, match="without a mask"):
        made.objective.losses(made.network, hands | {"side": side})


def test_a_checkpoint_rebuilds_the_model(tmp_path, hands):
    made = module(LiftToSpace(lambda_rotation=0.5), SegmentedHand(margin=1.5))
    trainer = pl.Trainer(default_root_dir=tmp_path, accelerator="cpu", logger=False)
    trainer.strategy.connect(made)
    trainer.save_checkpoint(tmp_path / "hand3d.ckpt")
    again = Hand3DModule.load_from_checkpoint(tmp_path / "hand3d.ckpt")
    assert (again.size, again.localiser, again.objective) == (SMALL, SegmentedHand(1.5), LiftToSpace(1.0, 0.5))
    made.eval()
    again.eval()
    inputs = made.inputs(hands)
    assert torch.equal(made(*inputs).placed.xyz, again(*inputs).placed.xyz)
