"""Hands turned upright: a square crop in which the knuckles lie above the wrist and the joints fill a set share.

What is left to be read off such a crop does not depend on how a hand lies in the picture.
"""

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

REACH = 1.3
"""An upright crop's side over the longer extent of the joints along its axes."""
_KNUCKLES = [joints[0] for name, joints in FINGER_JOINTS.items() if name != "thumb"]
_SHORT = 0.3
"""A palm shorter than so much of the joints' extent points at the camera: its direction in the picture says less."""
_LEAST_PX = 4.0
_ANYWHERE = 0.1
"""How often training turns a hand to anywhere."""
_TURN, _PLACE, _SIZE = 0.2, 0.05, 0.1
"""How far off it is turned (radians) and lies (of its side) otherwise, and by how much it is enlarged (logarithm)."""


class Upright(NamedTuple):
    """How hands lie in pictures.

    Args:
        centre: px, of the square that holds the joints and lies along the hand.
        side: px, of that square: the joints' longer extent along it.
        direction: from the wrist to the knuckles, of length 1; x right, y down.
    """

    centre: Float[Tensor, "batch 2"]
    side: Float[Tensor, " batch"]
    direction: Float[Tensor, "batch 2"]

    def crop_maps(self, size: int) -> tuple[Float[Tensor, "batch 3 3"], Float[Tensor, "batch 3 3"]]:
        """The maps of pixels and of the camera frame to upright crops of ``size`` px, as `crops.warp` takes them."""
        turn = self.turn()
        scaled = turn * (size / (REACH * self.side))[:, None, None]
        offset = (size - 1) / 2 - _product(scaled, self.centre)
        A = torch.cat([torch.cat([scaled, offset[..., None]], -1), _last_row(scaled)], -2)
        return A, F.pad(turn, (0, 1, 0, 1)) + torch.diag(turn.new_tensor([0.0, 0, 1]))

    def turn(self) -> Float[Tensor, "batch 2 2"]:
        """The rotations, in the picture's plane, that make the directions point up."""
        x, y = self.direction.unbind(-1)
        return torch.stack([torch.stack([-y, x], -1), torch.stack([-x, -y], -1)], -2)

    @single_precision
    def back_to_picture(self, pixels: Float[Tensor, "batch n 2"], size: int) -> Float[Tensor, "batch n 2"]:
        """Pixels of the picture, from those of an upright crop of ``size`` px."""
        away = (pixels - (size - 1) / 2) * (REACH * self.side / size)[:, None, None]
        return self.centre[:, None] + away @ self.turn()  # rows: turned back

    @single_precision
    def back_in_space(self, points: Float[Tensor, "batch n 3"]) -> Float[Tensor, "batch n 3"]:
        """Points about the optical axis, turned from an upright crop's frame to the picture's."""
        return torch.cat([points[..., :2] @ self.turn(), points[..., 2:]], -1)

    def cut(self, image: Float[Tensor, "batch 3 s s"], size: int) -> Float[Tensor, "batch 3 size size"]:
        """The upright crops, by linear interpolation; black outside the pictures."""
        steps = torch.arange(size, device=image.device, dtype=torch.float32)
        pixels = self.back_to_picture(lattice(steps).expand(self.side.shape[0], -1, 2), size)
        grid = ((2 * pixels + 1) / image.shape[-1] - 1).reshape(-1, size, size, 2)
        return F.grid_sample(image, grid.to(image), align_corners=False)

    def carried(self, batch: Sample, size: int) -> Sample:
        """The batch with the labels that its upright crops of ``size`` px have; its pictures as they are."""
        A, M = self.crop_maps(size)
        labels = {key: batch[key][:, None] for key in batch.keys() & LABELS}
        return {**batch, **{key: value[:, 0] for key, value in carry_labels(labels, A, M).items()}}

    def varied(self) -> "Upright":
        """As far off as a glance is, now and then turned to anywhere; by torch's generator."""
        noise = torch.randn(4, len(self.side), device=self.side.device)
        anywhere = torch.rand_like(self.side) < _ANYWHERE
        angle = noise[0] * torch.where(anywhere, torch.pi, _TURN)
        c, s = angle.cos(), angle.sin()
        x, y = self.direction.unbind(-1)
        centre = self.centre + _PLACE * self.side[:, None] * noise[1:3].T
        return Upright(centre, self.side * (_SIZE * noise[3]).exp(), torch.stack([c * x - s * y, s * x + c * y], -1))


class Seen(NamedTuple):
    """What is known of how hands lie.

    Args:
        upright: as labelled.
        certain: how much a picture says of the direction, 0 to 1; 0 where the palm is not annotated.
    """

    upright: Upright
    certain: Float[Tensor, " batch"]


@single_precision
def upright_of(joints_2d: Float[Tensor, "batch 21 2"], annotated: Bool[Tensor, "batch 21"]) -> Seen:
    """How labelled hands lie; joints that are not annotated do not count.

    Args:
        joints_2d: px.
        annotated: which count; at least one of each hand.
    """
    joints = torch.where(annotated[..., None], joints_2d, 0)
    palm = joints[:, _KNUCKLES].mean(1) - joints[:, WRIST]
    length = palm.norm(dim=-1)
    up = palm.new_tensor([0.0, -1.0]).expand_as(palm)
    direction = torch.where((length > 1e-3)[:, None], palm / length.clamp_min(1e-3)[:, None], up)
    lying = Upright(torch.zeros_like(palm), torch.ones_like(length), direction)
    turned = joints @ lying.turn().mT
    low = torch.where(annotated[..., None], turned, torch.inf).amin(1)
    high = torch.where(annotated[..., None], turned, -torch.inf).amax(1)
    side = (high - low).amax(-1).clamp_min(_LEAST_PX)
    centre = _product(lying.turn().mT, (low + high) / 2)
    whole = annotated[:, [WRIST, *_KNUCKLES]].all(1)
    return Seen(Upright(centre, side, direction), whole * (length / (_SHORT * side)).clamp(0, 1))


def _product(matrix: Float[Tensor, "batch 2 2"], vector: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch 2"]:
    return (matrix * vector[:, None]).sum(-1)


def _last_row(like: Float[Tensor, "batch 2 2"]) -> Float[Tensor, "batch 1 3"]:
    return like.new_tensor([0.0, 0, 1]).expand(len(like), 1, 3)
