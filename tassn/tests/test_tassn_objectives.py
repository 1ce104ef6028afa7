"""Each objective trains what it says, from the labels it says, and its loss is the equations' sum."""

import copy

import pytest
import pytorch_lightning as pl
import torch
from core.tests.training.stand_ins import assert_stand_ins_do_not_count, losses_of
from tassn.tests.tiny import SIZES
from torch.utils.data import DataLoader

from handpose_core.datasets.sample import collate
from handpose_core.errors import HandposeError
from handpose_core.training.checkpoints import HISTORY_KEY
from handpose_tassn.clips import Passes
from handpose_tassn.module import OfHeatmaps, OfPose, TASSNModule
from handpose_tassn.networks import ClipOutput
from handpose_tassn.objectives import EndToEnd, HeatmapObjective, MeshPretraining, SilhouetteMesh
from handpose_tassn.terms import BoneConstancy, OneHand, Plausibility, Projection, SilhouetteTerm, SoftSilhouetteTerm

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's own, of a whole run
SILHOUETTE = SilhouetteTerm(weight=0.1, size=32)
OBJECTIVES = [
    (MeshPretraining(), {"hourglass", "mesh", "pose"}),
    (HeatmapObjective(), {"hourglass"}),
    (SilhouetteMesh(silhouette=SILHOUETTE), {"hourglass", "mesh"}),
    (EndToEnd(silhouette=SILHOUETTE), {"hourglass", "mesh", "pose"}),
    (EndToEnd(silhouette=SILHOUETTE, pose=None, mesh=None), {"hourglass", "mesh"}),
    (
        EndToEnd(silhouette=SoftSilhouetteTerm(size=32), bones=BoneConstancy(), limits=Plausibility()),
        {"hourglass", "mesh", "pose"},
    ),
]


def trainer(**options):
    quiet = dict.fromkeys(("logger", "enable_progress_bar", "enable_model_summary"), False)
    return pl.Trainer(accelerator="cpu", **{**quiet, "enable_checkpointing": False, "max_epochs": 1, **options})


def loader(clips):
    samples = [{key: value[i] for key, value in clips.items()} for i in range(len(clips["image"]))]
    return DataLoader(samples, 2, collate_fn=collate)


@pytest.mark.parametrize(("objective", "expected"), OBJECTIVES)
def test_a_step_changes_what_the_objective_trains(objective, expected, clips):
    torch.manual_seed(0)
    module = TASSNModule(**SIZES, objective=objective)
    with torch.no_grad():  # the past says nothing until it is learnt from, and both directions agree
        module.network.hourglass.stem[0].weight.normal_(std=0.05)
    before = copy.deepcopy(module.network.state_dict())
    fit = trainer()
    fit.fit(module, loader(clips))
    changed = {
        name.partition(".")[0] for name, value in module.network.state_dict().items() if (value != before[name]).any()
    }
    assert changed == expected
    assert all(torch.isfinite(value) for value in fit.callback_metrics.values())
    assert {f"train/loss_{name}" for name in objective.terms()} <= set(fit.callback_metrics)
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert module.history[0]["learnt_from"] == objective.labels


@pytest.mark.parametrize("objective", [objective for objective, _ in OBJECTIVES[1:]])
def test_no_3d_label_is_looked_at_on_the_target(objective, clips):
    module = TASSNModule(**SIZES, objective=objective).eval()
    hidden = {key: value for key, value in clips.items() if key not in ("joints_3d", "vertices", "K")}
    losses = [module.losses(module.measure(batch["image"], 0.0), batch)["loss"] for batch in (clips, hidden)]
    assert torch.equal(*losses)
    trainer().fit(module, loader(hidden))
    assert module.label_means.bone_count == 0


def test_pretraining_learns_the_scale_that_later_stages_recover_with(clips):
    module = TASSNModule(**SIZES, objective=MeshPretraining())
    trainer().fit(module, loader(clips))
    bone = (clips["joints_3d"][0, 0, 10] - clips["joints_3d"][0, 0, 9]).norm()
    assert module.label_means.bone.item() == pytest.approx(bone.item(), rel=1e-4)
    assert module.predict_step(clips, 0)["joints_3d"].shape == (6, 21, 3)


def test_the_loss_adds_up_as_4_6_says(clips):
    module = TASSNModule(**SIZES, objective=EndToEnd(silhouette=SILHOUETTE)).eval()
    values = module.losses(module.measure(clips["image"], 0.0), clips)
    expected = values["loss_heatmaps"] + 0.1 * values["loss_silhouette"]
    expected = expected + 10 * values["loss_pose"] + 10 * values["loss_mesh"]
    assert values["loss"].item() == pytest.approx(expected.item())


def test_one_hands_bones_are_compared_from_clip_to_clip(clips):
    module = TASSNModule(**SIZES).eval()
    with torch.no_grad():
        passes = module.measure(clips["image"], 0.0)
    clips["joints_2d"] = clips["joints_2d"][:, :1].expand(-1, 3, -1, -1).clone()  # no motion
    clips["joints_2d"][1] = clips["joints_2d"][0]
    still = passes.forward._replace(joints=torch.zeros_like(passes.forward.joints))
    still.joints[1, ..., 2] += torch.arange(21.0) % 4  # bones of another length in the second clip
    passes = passes._replace(forward=still, backward=still)
    assert BoneConstancy().value(passes, clips).item() == pytest.approx(0, abs=1e-6)
    assert OneHand().value(passes, clips).item() > 1e-3


@pytest.mark.parametrize("term", [BoneConstancy(), OneHand(), Plausibility()])
def test_terms_beyond_the_thesis_teach_depths_alone_however_small_the_hand_is(term, clips):
    joints = torch.full((2, 3, 21, 3), 0.5)  # as an untrained network has them
    joints[..., 2] = 0.3 * torch.randn(2, 3, 21, generator=torch.Generator().manual_seed(0))
    joints.requires_grad_()
    output = ClipOutput([], torch.zeros(2, 3, 1610, 3), joints)
    term.value(Passes(output, output, torch.zeros(1, 3, dtype=torch.long)), clips).backward()
    assert joints.grad[..., :2].abs().sum() == 0
    assert 1e-4 < joints.grad[..., 2].norm() < 10


def test_a_joint_or_frame_without_label_does_not_count(clips):
    module = TASSNModule(**SIZES, objective=EndToEnd(silhouette=SILHOUETTE, projection=Projection())).eval()
    passes = module.measure(clips["image"], 0.0)
    clips["annotated"][0, 1] = False
    before = module.losses(passes, clips)["loss"]
    clips["joints_2d"][0, 1] = torch.nan
    assert torch.equal(module.losses(passes, clips)["loss"], before)
    clips["mask_used"][0, 1] = False
    without = module.losses(passes, clips)["loss_silhouette"]
    clips["mask"][0, 1] = ~clips["mask"][0, 1]
    assert torch.equal(module.losses(passes, clips)["loss_silhouette"], without)


def test_a_reversed_clip_gives_the_mirrored_passes(clips):
    module = TASSNModule(**SIZES).eval()
    with torch.no_grad():
        module.network.hourglass.stem[0].weight.normal_(std=0.05)  # the past says nothing until it is learnt from
        passes, mirrored = module.measure(clips["image"], 0.0), module.measure(clips["image"].flip(1), 0.0)
    for one, other in ((passes.forward, mirrored.backward), (passes.backward, mirrored.forward)):
        assert torch.allclose(one.joints, other.joints.flip(1), atol=1e-5)
        assert torch.allclose(one.stages[-1], other.stages[-1].flip(1), atol=1e-5)
    assert not torch.allclose(passes.forward.stages[-1], passes.backward.stages[-1], atol=1e-5)


def test_a_clip_of_one_frame_agrees_with_itself(clips):
    module = TASSNModule(**SIZES, objective=EndToEnd(silhouette=SILHOUETTE)).eval()
    single = {key: value[:, 0] for key, value in clips.items()}
    values = module.losses(module.measure(single["image"].unsqueeze(1), 0.0), single)
    assert values["loss_pose"] == values["loss_mesh"] == 0
    assert torch.isfinite(values["loss"])


def test_what_the_past_adds_is_logged(clips):
    module = TASSNModule(**SIZES, objective=HeatmapObjective(), places=OfHeatmaps())
    run = trainer()
    run.validate(module, loader(clips), verbose=False)
    assert run.callback_metrics["val/past_px"] >= 0
    assert torch.isfinite(run.callback_metrics["val/epe"])
    module.label_means.update({key: clips[key].flatten(0, 1) for key in ("joints_3d", "annotated")})
    run.test(module, loader(clips), verbose=False)
    assert {row.score.n_samples for row in module.results} == {6}  # frames, not clips
    assert "test/past_depth" in run.callback_metrics


def test_where_joints_lie_is_chosen(clips):
    module = TASSNModule(**SIZES)
    output = module(*module.inputs(clips))
    of_pose, scores = OfPose().read(output, 32)
    assert torch.allclose(of_pose, output.joints[..., :2].flatten(0, 1) * 32 - 0.5)
    of_maps, same_scores = OfHeatmaps().read(output, 32)
    assert torch.equal(scores, same_scores)
    assert of_maps.shape == of_pose.shape
    best = output.stages[-1].flatten(0, 1).flatten(-2).argmax(-1)
    assert ((of_maps[..., 0] - (best % 8 * 4 + 1.5)).abs() <= 2).all()


def test_a_checkpoint_knows_what_its_weights_were_trained_on(clips, tmp_path):
    module = TASSNModule(**SIZES, objective=MeshPretraining())
    fit = trainer()
    fit.fit(module, loader(clips))
    fit.save_checkpoint(tmp_path / "one.ckpt", weights_only=True)
    assert "MeshPretraining" in torch.load(tmp_path / "one.ckpt", weights_only=True)[HISTORY_KEY][0]["objective"]
    again = TASSNModule.load_from_checkpoint(tmp_path / "one.ckpt", objective=EndToEnd())
    assert again.history[0]["learnt_from"] == "3D joints and meshes"
    assert torch.equal(again.network.pyramid.order, module.network.pyramid.order)


@pytest.mark.parametrize(
    ("objective", "change", "message"),
    [
        (MeshPretraining(), lambda clips: clips.pop("vertices"), "data, meshes: found none"),
        (MeshPretraining(), lambda clips: clips.update(vertices=clips["vertices"][..., :-1, :]), "1609 vertices"),
        (SilhouetteMesh(), lambda clips: clips.pop("mask"), "data, masks: found none"),
    ],
)
def test_data_that_lack_what_a_term_needs_are_refused(objective, change, message, clips):
    change(clips)
    module = TASSNModule(**SIZES, objective=objective).eval()
    with pytest.raises(HandposeError) as error:
        module.losses(module.measure(clips["image"], 0.0), clips)
    assert message in str(error.value)


@pytest.mark.parametrize("objective", [objective for objective, _ in OBJECTIVES])
def test_clips_of_a_mixture_without_labels_do_not_count(objective, clips):
    torch.manual_seed(0)
    method = TASSNModule(**SIZES, objective=objective).eval()
    counted = {"loss"} if isinstance(objective, MeshPretraining) else set()  # the others learn from no 3D label
    losses = losses_of(method, lambda batch: method.measure(batch["image"], 0.0))
    assert_stand_ins_do_not_count(losses, clips, ("joints_3d", "vertices"), counted)
