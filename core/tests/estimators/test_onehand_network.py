import cv2
import numpy as np
import pytest
import torch
from core.tests.estimators.small_onehand import SMALL

from handpose_core.camera import project
from handpose_core.datasets.mirroring import mirror_pixel_rows, mirror_rows
from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand.losses import heatmap_entropy_loss, joints_2d_loss, joints_3d_loss
from handpose_core.estimators.onehand.negatives import NegativeImages
from handpose_core.estimators.onehand.network import PoseNetwork
from handpose_core.estimators.onehand.occlusion_augmentation import OcclusionAugmentation
from handpose_core.estimators.onehand.virtual_camera import align_weak_perspective, virtual_camera_rotation
from handpose_core.nn.heatmaps import gaussian_heatmaps

ALL = torch.ones(2, 21, dtype=torch.bool)


def test_the_virtual_cameras_rotation_is_the_smallest_that_turns_the_hands_middle_ahead():
    K = torch.tensor([[[150.0, 0, -40], [0, 140, 90], [0, 0, 1]], [[150.0, 0, 63.5], [0, 150, 63.5], [0, 0, 1]]])
    frame = virtual_camera_rotation(K, torch.full((2, 2), 63.5))
    ray = torch.linalg.inv(K[0]) @ torch.tensor([63.5, 63.5, 1.0])
    ahead = torch.nn.functional.normalize(ray, dim=0)
    assert torch.allclose(frame[0] @ ahead, torch.tensor([0.0, 0, 1]), atol=1e-6)
    angle = torch.acos((torch.trace(frame[0]) - 1) / 2)
    assert torch.allclose(angle, torch.acos(ahead[2]), atol=1e-5)  # no turn about the ray itself
    assert torch.allclose(frame[1], torch.eye(3), atol=1e-6)
    assert torch.allclose(frame[0] @ frame[0].T, torch.eye(3), atol=1e-6)


def test_mirroring_a_crop_mirrors_pixels_and_points_alike():
    K = torch.tensor([[[150.0, 0, 63.5], [0, 150, 63.5], [0, 0, 1]]])
    points = torch.randn(1, 21, 3, generator=torch.Generator().manual_seed(0)) * 40 + torch.tensor([0.0, 0, 500])
    both = torch.tensor([True])
    assert torch.allclose(
        project(mirror_rows(points, both), K), mirror_pixel_rows(project(points, K), both, 128), atol=1e-3
    )
    assert torch.equal(mirror_rows(points, ~both), points)


def test_the_3d_loss_leaves_out_place_and_size_and_joints_without_labels():
    points = torch.randn(2, 21, 3, generator=torch.Generator().manual_seed(0)) * 40
    counted = ALL.clone()
    counted[0, 3] = False
    target = 1.3 * points + torch.tensor([100.0, -50, 700])
    target[0, 3] = torch.nan
    assert joints_3d_loss(points, target, counted) < 1e-3
    moved = target.clone()
    moved[1, 5] += torch.tensor([6.0, 0, 0])
    assert joints_3d_loss(points, moved, counted) > 0.05


def test_the_heatmap_loss_is_least_for_the_target_itself_and_leaves_out_joints_outside():
    joints = torch.full((2, 21, 2), 30.0)
    joints[:, 0] = -500.0
    target = gaussian_heatmaps(joints, 4.0, 64, 16)
    perfect = (target + 1e-9).log()
    elsewhere = perfect.roll(2, -1)
    losses = [heatmap_entropy_loss(maps, joints, ALL, 4.0, 64) for maps in (perfect, elsewhere)]
    assert losses[0] < losses[1] - 1
    assert torch.isfinite(torch.stack(losses)).all()


def test_pixels_count_their_mean_difference():
    a = torch.zeros(2, 21, 2)
    assert joints_2d_loss(a, a + torch.tensor([1.0, 3.0]), ALL) == pytest.approx(2.0)


def test_predictions_are_in_range():
    torch.manual_seed(0)
    network = PoseNetwork(SMALL, 10).eval()
    with torch.inference_mode():
        read = network(torch.rand(3, 3, 64, 64))
    assert read.maps.shape == (3, 21, 16, 16)
    assert read.joints_2d.min() >= 0
    assert read.joints_2d.max() <= 63
    assert 0 <= read.scores.min() <= read.scores.max() <= 1
    assert read.parameters.angles.shape == (3, 15, 3)
    assert read.parameters.shape.shape == (3, 10)


def test_occlusions_leave_the_hand_where_only_the_background_changes():
    torch.manual_seed(0)
    mask = torch.zeros(4, 1, 32, 32, dtype=torch.bool)
    mask[:, :, 10:20, 10:20] = True
    own = torch.arange(4.0)[:, None, None, None].expand(4, 3, 32, 32) / 4  # a background of one colour each
    image = torch.where(mask, torch.rand(4, 3, 32, 32), own)
    made = OcclusionAugmentation(background=1.0, occluder=0.0, grey=0.0).apply(image, mask)
    assert torch.allclose(made[:, :, 11:19, 11:19], image[:, :, 11:19, 11:19])
    outside = ~mask.expand_as(made)
    assert torch.isclose(made[outside], own[outside]).float().mean() < 0.05  # nowhere a rim of the old one
    assert torch.equal(OcclusionAugmentation(0, 0, 0, 0).apply(image, mask), image)


def test_half_of_the_other_backgrounds_are_pictures_without_hands(tmp_path):
    torch.manual_seed(0)
    cv2.imwrite(str(tmp_path / "green.png"), np.full((40, 40, 3), (0, 255, 0), np.uint8))
    mask = torch.zeros(200, 1, 8, 8, dtype=torch.bool)
    mask[:, :, 2:6, 2:6] = True
    image = torch.tensor([1.0, 0, 0])[:, None, None].expand(200, 3, 8, 8)  # all red
    made = OcclusionAugmentation(background=0.5, occluder=0.0, grey=0.0).apply(image, mask, NegativeImages(tmp_path))
    green = made[:, 1, 0, 0] > 0.9
    assert 30 < green.sum() < 70  # a quarter of 200
    assert torch.equal(made[:, :, 3:5, 3:5], image[:, :, 3:5, 3:5])
    alone = OcclusionAugmentation(background=1.0, occluder=0.0, grey=0.0)
    greens = [alone.apply(image[:1], mask[:1], NegativeImages(tmp_path))[0, 1, 0, 0] > 0.9 for _ in range(20)]
    assert 2 < sum(greens) < 18  # also where there is but one, and it gets no such picture


def test_half_of_the_bars_lie_behind_the_hand_and_half_have_its_colour():
    torch.manual_seed(0)
    mask = torch.zeros(400, 1, 32, 32, dtype=torch.bool)
    mask[:, :, 8:24, 8:24] = True
    image = torch.where(mask, torch.tensor([0.8, 0.2, 0.0])[:, None, None], torch.tensor(0.5)).contiguous()
    made = OcclusionAugmentation(0, 0, 0.25, 0, bar=1.0).apply(image, mask)
    changed = (made - image).abs().amax(1, keepdim=True) > 0.02
    outside = (changed & ~mask).flatten(1)
    assert 0.01 < outside.float().mean() < 0.1  # thin things
    before = changed[:, :, 10:22, 10:22].flatten(1).any(1)
    assert 0.25 < before.float().mean() < 0.5  # of those before it some pass it by
    red = torch.where(outside[:, None], made.flatten(2), 0)[:, :2].sum(-1)  # of the hand's colour: red is four greens
    some = outside.sum(1) > 8
    assert 0.3 < (red[some, 0] > 2 * red[some, 1]).float().mean() < 0.8
    assert torch.equal(OcclusionAugmentation(0, 0, 0.25, 0, bar=0.0).apply(image, mask), image)


def test_occluders_cover_a_part_and_grey_takes_the_colours():
    torch.manual_seed(0)
    image = torch.rand(16, 3, 32, 32)
    changed = (OcclusionAugmentation(0, 1.0, 0.25, 0).apply(image, None) != image).any(1).float().mean((1, 2))
    assert changed.max() > 0.02
    assert changed.max() < 0.5
    grey = OcclusionAugmentation(0, 0, 0, 1.0).apply(image, None)
    assert torch.equal(grey[:, 0], grey[:, 2])


def test_amounts_out_of_range_are_refused():
    with pytest.raises(HandposeError, match="occluder"):
        OcclusionAugmentation(occluder=1.5)


def test_points_are_aligned_to_pixels_by_size_and_place_alone_and_by_weight():
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(2, 21, 3, generator=generator)
    pixels = 7.5 * points[..., :2] + torch.tensor([40.0, 60.0])
    assert torch.allclose(
        align_weak_perspective(points, pixels, torch.rand(2, 21, generator=generator)), pixels, atol=1e-3
    )
    moved = pixels.clone()
    moved[:, 4] += 100.0
    weights = torch.ones(2, 21)
    weights[:, 4] = 1e-6
    assert torch.allclose(
        align_weak_perspective(points, moved, weights), pixels, atol=0.01
    )  # what weighs nothing draws nothing
    spread = pixels + 30 * torch.randn(2, 21, 2, generator=generator)
    laid = align_weak_perspective(points, spread, torch.ones(2, 21))
    assert torch.allclose(laid.mean(1), spread.mean(1), atol=1e-3)
    assert torch.allclose(laid.var(1).sum(-1), spread.var(1).sum(-1), rtol=1e-4)  # no smaller for the disagreement
    turned = pixels.flip(-1)
    assert (align_weak_perspective(points, turned, torch.ones(2, 21)) - turned).norm(
        dim=-1
    ).mean() > 1  # nothing is turned
