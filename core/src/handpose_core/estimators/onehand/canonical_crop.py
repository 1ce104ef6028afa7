"""Canonical crops: squares cut along a hand's oriented box, with the knuckles above the wrist."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from handpose_core.datamodules.device_warp import LABELS, carry_labels
from handpose_core.datasets.sample import Sample
from handpose_core.hand import FINGER_JOINTS, WRIST
from handpose_core.nn.heatmaps import lattice
from handpose_core.precision import single_precision

#: Side of a canonical crop over the side of the oriented box.
CROP_SCALE = 1.3
_KNUCKLES = [joints[0] for name, joints in FINGER_JOINTS.items() if name != "thumb"]
#: Palm length over box side below which the palm points at the camera and its image direction is uncertain.
_SHORT_PALM = 0.3
_LEAST_SIDE_PX = 4.0
#: Jitter in training: probability of a turn by up to half a turn; else standard deviations of turn (radians), place
#: (of the side) and size (logarithm).
_ANY_TURN = 0.1
_TURN, _PLACE, _SIZE = 0.2, 0.05, 0.1


class OrientedBox(NamedTuple):
    """Squares around hands, along the hands' direction.

    Attributes:
        centre: Centre of the square that holds the joints, px.
        side: Side of the square, px: the larger extent of the joints along its axes.
        direction: Unit vector from the wrist to the knuckles; x right, y down.
    """

    centre: Float[Tensor, "batch 2"]
    side: Float[Tensor, " batch"]
    direction: Float[Tensor, "batch 2"]

    def crop_matrices(self, size: int) -> tuple[Float[Tensor, "batch 3 3"], Float[Tensor, "batch 3 3"]]:
        """Return the transforms from the image to canonical crops.

        Args:
            size: Side of the crops, px.

        Returns:
            pixels: Homogeneous transforms of pixels.
            camera: Rotations of the camera frame.
        """
        turn = self.rotation()
        scaled = turn * (size / (CROP_SCALE * self.side))[:, None, None]
        offset = (size - 1) / 2 - _product(scaled, self.centre)
        A = torch.cat([torch.cat([scaled, offset[..., None]], -1), _last_row(scaled)], -2)
        return A, F.pad(turn, (0, 1, 0, 1)) + torch.diag(turn.new_tensor([0.0, 0, 1]))

    def rotation(self) -> Float[Tensor, "batch 2 2"]:
        """Return the rotations in the image plane that turn the directions up."""
        x, y = self.direction.unbind(-1)
        return torch.stack([torch.stack([-y, x], -1), torch.stack([-x, -y], -1)], -2)

    @single_precision
    def to_image_pixels(self, pixels: Float[Tensor, "batch n 2"], size: int) -> Float[Tensor, "batch n 2"]:
        """Map pixels of canonical crops to pixels of the images.

        Args:
            pixels: px of the crops.
            size: Side of the crops, px.

        Returns:
            px of the images.
        """
        away = (pixels - (size - 1) / 2) * (CROP_SCALE * self.side / size)[:, None, None]
        return self.centre[:, None] + away @ self.rotation()  # rows: the transposed rotation

    @single_precision
    def to_image_axes(self, points: Float[Tensor, "batch n 3"]) -> Float[Tensor, "batch n 3"]:
        """Rotate points about the optical axis from the canonical crop's axes to the image's.

        Args:
            points: Any unit; x right, y down, z away from the camera.

        Returns:
            The rotated points.
        """
        return torch.cat([points[..., :2] @ self.rotation(), points[..., 2:]], -1)

    def crop(self, image: Float[Tensor, "batch 3 s s"], size: int) -> Float[Tensor, "batch 3 size size"]:
        """Cut the canonical crops by bilinear interpolation.

        Args:
            image: Images.
            size: Side of the crops, px.

        Returns:
            Crops; 0 outside the images.
        """
        steps = torch.arange(size, device=image.device, dtype=torch.float32)
        pixels = self.to_image_pixels(lattice(steps).expand(self.side.shape[0], -1, 2), size)
        grid = ((2 * pixels + 1) / image.shape[-1] - 1).reshape(-1, size, size, 2)
        return F.grid_sample(image, grid.to(image), align_corners=False)

    def transform_labels(self, batch: Sample, size: int) -> Sample:
        """Transform a batch's labels to canonical crops; images stay.

        Args:
            batch: With labels of the images.
            size: Side of the crops, px.

        Returns:
            The batch with labels of the crops.
        """
        A, M = self.crop_matrices(size)
        labels = {key: batch[key][:, None] for key in batch.keys() & LABELS}
        return {**batch, **{key: value[:, 0] for key, value in carry_labels(labels, A, M).items()}}

    def jittered(self) -> "OrientedBox":
        """Return boxes with noise like the detector's; one in ten is turned at random (torch's generator)."""
        noise = torch.randn(4, len(self.side), device=self.side.device)
        any_turn = torch.rand_like(self.side) < _ANY_TURN
        angle = noise[0] * torch.where(any_turn, torch.pi, _TURN)
        c, s = angle.cos(), angle.sin()
        x, y = self.direction.unbind(-1)
        centre = self.centre + _PLACE * self.side[:, None] * noise[1:3].T
        return OrientedBox(
            centre, self.side * (_SIZE * noise[3]).exp(), torch.stack([c * x - s * y, s * x + c * y], -1)
        )  # fmt: skip


class BoxLabels(NamedTuple):
    """Oriented boxes from labels.

    Attributes:
        box: The boxes.
        certainty: Weight of the direction, 0 to 1: small where the palm points at the camera, 0 where it is not
            annotated.
    """

    box: OrientedBox
    certainty: Float[Tensor, " batch"]


@single_precision
def label_boxes(joints_2d: Float[Tensor, "batch 21 2"], annotated: Bool[Tensor, "batch 21"]) -> BoxLabels:
    """Compute oriented boxes of labelled hands.

    Args:
        joints_2d: px.
        annotated: Joints that count; at least one of each hand.

    Returns:
        Boxes and the certainty of their directions.
    """
    joints = torch.where(annotated[..., None], joints_2d, 0)
    palm = joints[:, _KNUCKLES].mean(1) - joints[:, WRIST]
    length = palm.norm(dim=-1)
    up = palm.new_tensor([0.0, -1.0]).expand_as(palm)
    direction = torch.where((length > 1e-3)[:, None], palm / length.clamp_min(1e-3)[:, None], up)
    axes = OrientedBox(torch.zeros_like(palm), torch.ones_like(length), direction)
    turned = joints @ axes.rotation().mT
    low = torch.where(annotated[..., None], turned, torch.inf).amin(1)
    high = torch.where(annotated[..., None], turned, -torch.inf).amax(1)
    side = (high - low).amax(-1).clamp_min(_LEAST_SIDE_PX)
    centre = _product(axes.rotation().mT, (low + high) / 2)
    whole = annotated[:, [WRIST, *_KNUCKLES]].all(1)
    return BoxLabels(OrientedBox(centre, side, direction), whole * (length / (_SHORT_PALM * side)).clamp(0, 1))


def _product(matrix: Float[Tensor, "batch 2 2"], vector: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch 2"]:
    return (matrix * vector[:, None]).sum(-1)


def _last_row(like: Float[Tensor, "batch 2 2"]) -> Float[Tensor, "batch 1 3"]:
    return like.new_tensor([0.0, 0, 1]).expand(len(like), 1, 3)
