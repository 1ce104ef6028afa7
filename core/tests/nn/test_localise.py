from dataclasses import replace

import pytest
import torch

from handpose_core.camera import transform_pixels
from handpose_core.nn.cpm import CPMSize
from handpose_core.nn.hand3d import BranchSize, Hand3D, Hand3DSize
from handpose_core.nn.localise import GivenCrop, SegmentedHand, crop_images

TRUNK = CPMSize(trunk=((4, 1), (4, 1)), features=4, first_width=4, stages=1, maps=2)
BRANCH = BranchSize(convolutions=(4,), hidden=(4,), grid=8)
SMALL = Hand3DSize(segmentation=TRUNK, posenet=replace(TRUNK, maps=21), prior=BRANCH, viewpoint=BRANCH)


def blob(left: int, top: int, right: int, bottom: int, size: int = 32) -> torch.Tensor:
    hand = torch.full((1, size, size), 0.4)
    hand[:, top : bottom + 1, left : right + 1] = 0.6
    return hand


def test_the_given_crop_changes_nothing():
    assert torch.equal(GivenCrop()(torch.rand(2, 8, 8)), torch.eye(3).expand(2, 3, 3))


def test_a_segmented_hand_is_in_the_middle_of_its_crop_with_the_margin_around():
    """A hand of 16 x 8 px, whose square is 16 px wide, in a crop of 32: twice as large, less the margin."""
    A = SegmentedHand(margin=1.0)(blob(10, 4, 25, 11))
    outline = torch.tensor([[[9.5, 7.5], [25.5, 7.5], [17.5, 3.5], [17.5, 11.5]]])
    assert transform_pixels(outline, A).tolist() == [[[-0.5, 15.5], [31.5, 15.5], [15.5, 7.5], [15.5, 23.5]]]
    scaled = SegmentedHand(margin=1.25)(blob(10, 4, 25, 11))
    assert scaled[0, 0, 0].item() == pytest.approx(32 / (16 * 1.25))


def test_no_hand_leaves_the_image_as_it_is_and_hands_do_not_mix():
    hand = torch.cat([blob(10, 4, 25, 11), torch.zeros(1, 32, 32)])
    A = SegmentedHand()(hand)
    assert torch.equal(A[1], torch.eye(3))
    assert torch.equal(A[0], SegmentedHand()(hand[:1])[0])


def test_crops_show_what_their_matrices_say():
    """Of a ramp of u and v, each pixel of a crop shows its own place in the image."""
    u, v = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="xy")
    image = torch.stack([u, v, torch.ones_like(u)])[None]
    A = SegmentedHand(margin=1.25)(blob(10, 8, 21, 17))
    with torch.autocast("cpu", torch.bfloat16):
        crop = crop_images(image, A)
    assert crop.shape == image.shape
    places = torch.tensor([[[0.0, 0.0], [31, 0], [7, 20]]])
    back = transform_pixels(places, torch.linalg.inv(A))[0]
    shown = torch.stack([crop[0, :2, int(y), int(x)] for x, y in places[0]])
    assert torch.allclose(shown, back, atol=1e-3)


def test_pose_network_sees_what_the_segmentation_found(monkeypatch):
    network = Hand3D(SMALL, SegmentedHand(margin=1.0))
    logits = torch.stack([torch.zeros(1, 32, 32), blob(8, 8, 23, 23) - 0.5], dim=1)
    monkeypatch.setattr(network.segmentation, "forward", lambda image: logits)
    image = torch.zeros(1, 3, 32, 32)
    image[..., 8:24, 8:24] = 1
    A, cropped = network.crop(image)
    assert A[0, 0, 0] == 2
    assert cropped[..., 1:-1, 1:-1].min() == 1  # the hand from edge to edge
