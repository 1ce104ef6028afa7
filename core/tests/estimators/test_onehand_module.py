from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from core.tests.estimators.small_onehand import SMALL
from core.tests.training.stand_ins import assert_stand_ins_do_not_count, losses_of

from handpose_core.camera import project, reference_length
from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand.estimator import HandViews
from handpose_core.estimators.onehand.module import OneHandModule, Weights
from handpose_core.estimators.onehand.occlusion_augmentation import OcclusionAugmentation
from handpose_core.estimators.onehand.parts import check_trained
from handpose_core.hand import Side
from handpose_core.metrics.functional.alignment import align_procrustes
from handpose_core.predict.info import ModelInfo
from handpose_core.predict.onehand_runtime import OneHandRuntime

STEPS = 250


def module(**options):
    torch.manual_seed(0)
    return OneHandModule(replace(SMALL, hidden=128), scale_mm=45.0, **options)


def test_a_crop_and_its_mirror_image_get_mirrored_answers_of_opposite_sides(hands):
    trained = module().eval()
    with torch.inference_mode():
        one = trained.decode(trained(hands["image"]), 64)
        other = trained.decode(trained(hands["image"].flip(-1)), 64)
    assert torch.equal(one.is_right, ~other.is_right)
    assert torch.allclose(one.right, 1 - other.right, atol=1e-5)
    assert torch.allclose(one.joints_2d[..., 0], 63 - other.joints_2d[..., 0], atol=1e-3)
    assert torch.allclose(one.vertices * torch.tensor([-1.0, 1, 1]), other.vertices, atol=1e-5)


@pytest.mark.parametrize(
    ("trainings", "refused"),
    [
        ([], None),  # an untrained network, to compare with
        ([{"dataset": "a"}], None),  # before trainings recorded their part
        (
            [{"train_part": "pose"}, {"train_part": "presence"}],
            "an untrained detector: trainings.* pose, presence alone",
        ),
        ([{"learns": "reader"}, {"learns": "verdict"}], "an untrained detector: trainings.* pose, presence alone"),
        ([{"train_part": "detector"}], "found an untrained pose network.*--model.train_part pose --init_from"),
        ([{"learns": "glance"}, {"train_part": "pose"}], None),
        ([{"train_part": "all"}, {"train_part": "pose"}], None),
    ],
)
def test_weights_of_which_a_part_is_untrained_are_not_run(trainings, refused):
    trained = module().eval()
    with pytest.raises(HandposeError, match=refused) if refused else nullcontext():
        OneHandRuntime(trained.network, ModelInfo("onehand", 64, 1.5, 45.0, False, "", tuple(trainings)))
    with pytest.raises(HandposeError, match=refused) if refused else nullcontext():
        check_trained(trainings, "the checkpoint")


def test_joints_are_in_lengths_of_the_reference_bone_about_the_wrist_and_within_the_mesh(hands):
    trained = module().eval()
    with torch.inference_mode():
        found = trained.decode(trained(hands["image"]), 64)
    assert torch.allclose(reference_length(found.xyz), torch.ones(4), atol=1e-5)
    assert found.xyz[:, 0].abs().max() == 0
    low, high = found.vertices.amin(1), found.vertices.amax(1)
    inside = (found.xyz > low[:, None] - 0.2) & (found.xyz < high[:, None] + 0.2)
    assert inside.all()


def test_a_given_handedness_chooses_the_view(hands):
    trained = module().eval()
    with torch.inference_mode():
        output = trained(hands["image"])
        found = trained.network.decode_as(output, torch.tensor([True, True, False, False]))
    mirrored = output.mirrored.joints_2d * torch.tensor([-1.0, 1]) + torch.tensor([47.0, 0])
    read = output.detection.box.to_image_pixels(torch.cat([output.as_is.joints_2d[:2], mirrored[2:]]), 48)
    scores = torch.cat([output.as_is.scores[:2], output.mirrored.scores[2:]])[..., None]
    posed = (found.joints_2d - scores**2 * read) / (1 - scores**2)  # the hand model's, moved and enlarged
    away, flat = posed - posed.mean(1, keepdim=True), found.xyz[..., :2] - found.xyz[..., :2].mean(1, keepdim=True)
    enlarged = (away * flat).sum((1, 2)) / flat.square().sum((1, 2))
    assert (enlarged >= 0).all()
    assert torch.allclose(away, enlarged[:, None, None] * flat, atol=1e-3)
    assert (posed - read).mean(1).norm(dim=-1).max() < 1


def test_a_few_steps_learn_a_few_hands_of_both_sides(hands):
    trained = module(flip_prob=0.3, sigma=3.0, detector_crop_prob=0.25)
    trained.log_dict = lambda *_, **__: None
    optimizer = torch.optim.AdamW(trained.parameters(), lr=3e-3, weight_decay=0)
    slower = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, STEPS)
    for _ in range(STEPS):
        optimizer.zero_grad()
        trained.training_step(hands, 0).backward()
        optimizer.step()
        slower.step()
    trained.eval()
    with torch.no_grad():
        output = trained(hands["image"])
        found = trained.decode(output, 64)
        placed = trained.recover(found, hands, "predicted").joints_3d
    assert (found.joints_2d - hands["joints_2d"]).norm(dim=-1).mean() < 4
    assert torch.equal(found.is_right, hands["side"] == Side.RIGHT)
    aligned, truth = align_procrustes(placed, hands["joints_3d"], hands["annotated"], root=0)
    assert (aligned - truth).norm(dim=-1).mean() < 12  # mm
    assert (project(placed, hands["K"]) - hands["joints_2d"]).norm(dim=-1).mean() < 8


@pytest.mark.parametrize(("part", "by_labels"), [("pose", True), ("all", False)])
def test_validation_cuts_crops_by_labels_where_the_pose_network_alone_learns(hands, part, by_labels):
    """A detector that has learnt nothing does not reach the scores that checkpoints are chosen by."""
    trained = module(train_part=part).eval()

    def validated():
        logged = {}
        trained.log_dict = lambda values, **_: logged.update({name: float(value) for name, value in values.items()})
        with torch.no_grad():
            trained.validation_step(hands, 0)
            trained.on_validation_epoch_end()
        return logged

    before = validated()
    with torch.no_grad():
        for parameter in trained.network.detector.parameters():
            parameter.normal_()
    after = validated()
    assert {"val/epe", "val/loss", "val/loss_heatmaps", "val/loss_joints_3d"} <= before.keys()
    assert ("val/loss_detector" in before) == (not by_labels)
    assert (before["val/epe"] == after["val/epe"] and before["val/loss"] == after["val/loss"]) == by_labels


def test_what_is_learnt_by_label_crops_is_seen_in_validation(hands):
    weights = Weights(joints_2d=0.05, joints_3d=0.1, orientation=0.0, handedness=0.5)
    trained = module(train_part="pose", flip_prob=0.0, sigma=3.0, detector_crop_prob=0.0, weights=weights)
    logged = {}
    trained.log_dict = lambda values, **_: logged.update(values)
    trained.setup("fit")
    optimizer = torch.optim.AdamW(trained.network.pose_network.parameters(), lr=3e-3, weight_decay=0)
    epe = []
    for step in range(61):
        if step % 60 == 0:
            trained.eval()
            with torch.no_grad():
                trained.validation_step(hands, 0)
                trained.on_validation_epoch_end()
            epe.append(float(logged["val/epe_2d"]))
            trained.train()
        optimizer.zero_grad()
        trained.training_step(hands, 0).backward()
        optimizer.step()
    trained.teardown("fit")
    assert epe[1] < 0.5 * epe[0]


def test_recovering_turns_the_crops_frame_back_to_the_cameras(hands):
    """The truth, put in as an estimate, comes out again."""
    from handpose_core.estimators.onehand.outputs import HandEstimate
    from handpose_core.estimators.onehand.virtual_camera import virtual_camera_rotation

    K = hands["K"].clone()
    K[:, 0, 2] -= 60  # the crop lies far from the axis
    batch = {**hands, "K": K, "joints_2d": project(hands["joints_3d"], K)}
    truth, middle = hands["joints_3d"], torch.tensor([[31.5, 31.5], [20.0, 40.0], [5.0, 50.0], [31.5, 31.5]])
    turned = (
        (truth - truth[:, [0]])
        @ virtual_camera_rotation(K, middle).transpose(1, 2)
        / reference_length(truth)[:, None, None]
    )
    yes = torch.ones(4, dtype=torch.bool)
    estimate = HandEstimate(
        joints_2d=batch["joints_2d"],
        z_rel=turned[..., 2],
        scores=torch.ones(4, 21),
        xyz=turned,
        vertices=torch.zeros(4, 5, 3),
        right=yes.float(),
        is_right=yes,
        middle=middle,
        presence=yes.float(),
    )
    trained = module()
    told = trained.recover(estimate, batch, "true_root_and_scale").joints_3d
    assert torch.allclose(told, truth, atol=0.05)
    scaled = truth * (45.0 / reference_length(truth))[:, None, None]
    assert torch.allclose(trained.recover(estimate, batch, "predicted").joints_3d, scaled, rtol=0.01, atol=2.0)


@pytest.mark.parametrize(
    ("part", "trained_network", "kept"),
    [
        ("pose", "pose_network", "detector"),
        ("detector", "detector", "pose_network"),
        ("presence", "presence_head", "pose_network"),
    ],
)
def test_one_part_learns_and_the_other_stays_as_it_is_with_its_running_means(hands, part, trained_network, kept):
    trained = module(train_part=part, optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=3e-3))
    trained.log_dict = lambda *_, **__: None
    trained.setup("fit")
    trained.train()
    before = {name: value.clone() for name, value in trained.network.state_dict().items()}
    optimizer = trained.configure_optimizers()
    for _ in range(2):
        optimizer.zero_grad()
        trained.training_step(hands, 0).backward()
        optimizer.step()
    changed = {name for name, value in trained.network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith(trained_network) for name in changed)
    trained.teardown("fit")
    assert all(parameter.requires_grad for parameter in getattr(trained.network, kept).parameters())


def test_corrected_joints_begin_as_the_heatmaps_means_and_depend_on_each_other(hands):
    read = module().network.pose_network(hands["image"])
    assert torch.equal(read.joints_2d, read.means)
    refiner = module().network.pose_network.joint_attention
    torch.nn.init.normal_(refiner.offset.weight)
    coarse = torch.rand(1, SMALL.widths[1], 6, 6)
    here, place = torch.rand(1, 21, SMALL.features), torch.rand(1, 21, 2, requires_grad=True)
    _, shift = refiner(here, place, coarse)
    (slope,) = torch.autograd.grad(shift[0, 8].sum(), place)
    assert (slope[0].norm(dim=-1) > 0).all()  # every joint has a say in where the index's tip is


def test_losses_take_the_view_with_the_right_hand(hands):
    trained = module().eval()
    with torch.no_grad():
        output = trained(hands["image"])
        swapped = HandViews(output.detection, output.mirrored, output.as_is)
        other = {**hands, "side": 1 - hands["side"]}
        plain = trained.losses(output, hands)["loss_handedness"]
        assert plain == pytest.approx(trained.losses(swapped, other)["loss_handedness"].item())


def test_training_needs_sides(hands):
    trained = module(occlusions=OcclusionAugmentation())
    hands.pop("side")
    with pytest.raises(HandposeError, match="side"):
        trained.training_step(hands, 0)


def test_samples_of_a_mixture_without_3d_labels_do_not_count(hands):
    counted = {"loss", "loss_joints_3d", "loss_orientation"}
    trained = module(weights=Weights(orientation=1.0)).eval()
    assert_stand_ins_do_not_count(losses_of(trained), hands, ("joints_3d", "K"), counted)
