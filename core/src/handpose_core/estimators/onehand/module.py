"""The LightningModule of the suite's own estimator.

The network knows right hands alone. Each crop is shown as it is and mirrored; of the two, the one that looks more
like a right hand is taken, and mirrored back if need be. So all that is learned serves both sides, a hand and its
mirror image get the same answer, and the side is no guess of its own but what decides between two whole answers.
In training only the picture with the right hand is shown, now and then the other for the side's sake.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.optim import AdamW

from handpose_core.camera import reference_length
from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.estimators.hand3d.recovery import PlacedEstimate, at_fitted_root, at_true_root
from handpose_core.estimators.onehand.clutter import Clutter
from handpose_core.estimators.onehand.estimate import HandEstimate
from handpose_core.estimators.onehand.frame import mirrored, mirrored_pixels, to_middle
from handpose_core.estimators.onehand.losses import map_loss, pixel_loss, side_loss, space_loss
from handpose_core.estimators.onehand.network import OneHandNetwork, OneHandSize, Read
from handpose_core.hand import WRIST, Side
from handpose_core.rig import HandRig, PosedHand, pose_from_angles
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate, Prediction, Recover, with_joints
from handpose_core.training.schedules import OptimizerCallable, Schedule

SHIPPED_SIZE = OneHandSize()
NO_CLUTTER = Clutter(0, 0, 0, 0)

# so that a checkpoint that holds them loads
_IN_CHECKPOINTS: list[Any] = [OneHandSize, Clutter]
torch.serialization.add_safe_globals(_IN_CHECKPOINTS)


@dataclass(frozen=True)
class Weights:
    """Of the losses.

    Args:
        maps: heatmaps' cross-entropy.
        pixels: a px of the crop.
        space: a mm.
        side: right or left.
        shape: the hand model's components, squared: what a picture does not show stays the mean hand's.
    """

    maps: float = 1.0
    pixels: float = 0.05
    space: float = 0.1
    side: float = 0.5
    shape: float = 0.01


torch.serialization.add_safe_globals([Weights])
SHIPPED_WEIGHTS = Weights()


class Output(NamedTuple):
    """What is read off crops as they are, and off their mirror images."""

    as_is: Read
    mirror: Read


class OneHandModule(HandPoseModule):
    """Joints, mesh and side of the hand in a crop; nothing of the camera, and no side, has to be known.

    Joints in space and the mesh are the hand model's, and so agree; joints in the picture come from heatmaps.

    Args:
        size: the network's.
        rig: the hand model: a packaged one's name, or a path.
        weights: of the losses.
        sigma: of the heatmaps' Gaussians, px of the crop.
        clutter: what training pictures are made harder with.
        left_shown: share of training pictures that show a left hand, for the side alone.
        optimizer: see `HandPoseModule`.
        schedule: see `HandPoseModule`.
        scale_mm: see `HandPoseModule`.
    """

    display_name = "onehand"
    network: OneHandNetwork

    def __init__(
        self,
        size: OneHandSize = SHIPPED_SIZE,
        rig: str = "anny",
        weights: Weights = SHIPPED_WEIGHTS,
        sigma: float = 4.0,
        clutter: Clutter = NO_CLUTTER,
        left_shown: float = 0.15,
        optimizer: OptimizerCallable = lambda parameters: AdamW(parameters, lr=2e-3),
        schedule: Schedule | None = None,
        scale_mm: float | None = None,
    ) -> None:
        super().__init__(optimizer, schedule, scale_mm)
        self.size, self.weights, self.sigma = size, weights, sigma
        self.clutter, self.left_shown = clutter, left_shown
        self.rig = HandRig(rig)
        self.network = self.build_network()
        self.save_sizes()

    def build_network(self) -> OneHandNetwork:
        """See `HandPoseModule.build_network`."""
        network = OneHandNetwork(self.size, self.rig.n_shapes)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def describe(self) -> dict[str, str]:
        """What training pictures met."""
        return {"clutter": str(self.clutter)}

    def forward(self, image: Tensor) -> Output:
        """Read off each crop and its mirror image."""
        read: Read = self.network(torch.cat([image, image.flip(-1)]))
        count = image.shape[0]  # not len(): an exported graph takes any number
        return Output(_rows(read, slice(None, count)), _rows(read, slice(count, None)))

    def training_step(self, batch: Sample, batch_idx: int) -> Tensor:
        """One step on pictures of right hands, some of them mirrored again."""
        self.label_means.update(batch)
        left, size = batch_sides(batch) == Side.LEFT, batch["image"].shape[-1]
        again = torch.rand(len(left), device=left.device) < self.left_shown
        image = self.clutter.add(batch["image"], batch.get("mask"))
        read = self.network(torch.where((left ^ again)[:, None, None, None], image.flip(-1), image))
        upright = _with_pixels(read, mirrored_pixels(read.joints_2d, again, size))
        losses = self._losses(upright, batch, ~again)
        self.log_dict({f"train/{name}": value for name, value in losses.items()}, prog_bar=True, batch_size=len(left))
        return losses["loss"]

    def losses(self, output: Output, batch: Sample) -> dict[str, Float[Tensor, ""]]:
        """Those of the pictures, of each pair, with the right hands."""
        left = batch_sides(batch) == Side.LEFT
        return self._losses(_pick(output, ~left), batch, torch.ones_like(left))

    def _losses(self, read: Read, batch: Sample, is_right: Bool[Tensor, " batch"]) -> dict[str, Float[Tensor, ""]]:
        """Of what was read where hands were right; pixels everywhere.

        Args:
            read: of pictures mirrored such that all hands are right ones; pixels are theirs.
            batch: as it came.
            is_right: where the network was shown the right hand.
        """
        size, counted = batch["image"].shape[-1], batch["annotated"]
        left = batch_sides(batch) == Side.LEFT
        joints_2d = mirrored_pixels(batch["joints_2d"], left, size)
        frame = to_middle(batch["K"], size)
        joints = mirrored(batch["joints_3d"] @ frame.transpose(-1, -2), left)
        shown = counted & is_right[:, None]
        losses = {
            "maps": map_loss(read.maps, joints_2d, shown, self.sigma, size),
            "pixels": pixel_loss(read.joints_2d, joints_2d.clamp(0, size - 1), counted),
            "space": space_loss(self._posed(read).joints, joints, shown),
            "side": side_loss(read.right, is_right),
            "shape": read.parameters.shape.square().mean(),
        }
        total = torch.stack([getattr(self.weights, name) * value for name, value in losses.items()]).sum()
        return {"loss": total, **{f"loss_{name}": value for name, value in losses.items()}}

    def _posed(self, read: Read) -> PosedHand:
        """Right hands, mm, about the wrist."""
        angles, rotation, shape = read.parameters
        with torch.autocast(angles.device.type, enabled=False):  # millimetres need more than eight bits
            hand: PosedHand = self.rig(pose_from_angles(self.rig, angles), shape, rotation)
        return hand

    def decode(self, output: Output, image_size: int) -> HandEstimate:
        """The answer of the picture that looks more like a right hand."""
        return self.decode_as(output, image_size, output.as_is.right >= output.mirror.right)

    def decode_as(self, output: Output, image_size: int, is_right: Bool[Tensor, " batch"]) -> HandEstimate:
        """The answer for hands whose side is known."""
        read = _pick(output, is_right)
        hand = self._posed(read)
        bone = reference_length(hand.joints)[:, None, None]
        root = hand.joints[:, [WRIST]]
        xyz, vertices = (mirrored((points - root) / bone, ~is_right) for points in (hand.joints, hand.vertices))
        return HandEstimate(
            joints_2d=mirrored_pixels(read.joints_2d, ~is_right, image_size),
            z_rel=xyz[..., 2],
            scores=read.scores,
            xyz=xyz,
            vertices=vertices,
            right=torch.sigmoid(output.as_is.right - output.mirror.right),
            is_right=is_right,
        )

    def decode_told(self, output: Output, image_size: int, sides: Int[Tensor, " batch"]) -> HandEstimate:
        """The answer for hands whose side is known or, where it is negative, is that of `decode`."""
        looks = output.as_is.right >= output.mirror.right
        is_right = (sides == Side.RIGHT) | ((sides < 0) & looks)  # no torch.where: ONNX Runtime has none for booleans
        return self.decode_as(output, image_size, is_right)

    def recover(self, estimate: Estimate, batch: Sample, recover: Recover) -> Prediction:
        """Millimetres for an estimate, turned from the crop's frame to the camera's."""
        assert isinstance(estimate, HandEstimate)  # decode makes no other
        frame = to_middle(batch["K"], batch["image"].shape[-1])
        xyz = estimate.xyz.to(frame) @ frame
        turned = PlacedEstimate(estimate.joints_2d, xyz[..., 2], estimate.scores, xyz)
        if recover == "true_root_and_scale":
            return with_joints(turned, at_true_root(turned, batch))
        return with_joints(turned, at_fitted_root(turned, batch["K"], self.bone_mm.to(xyz)))


def batch_sides(batch: Sample) -> Tensor:
    """The side of each hand.

    Raises:
        HandposeError: the batch does not say.
    """
    if "side" not in batch:
        raise HandposeError(
            "batch, side",
            "nothing",
            "whether each hand is a left or a right one: training needs it",
            "Take a dataset that says so; for a folder of images set --data.side left or right.",
        )
    return batch["side"]


def _rows(read: Read, rows: slice) -> Read:
    maps, joints_2d, scores, parameters, right = read
    kept = type(parameters)(*(values[rows] for values in parameters))
    return Read(maps[rows], joints_2d[rows], scores[rows], kept, right[rows])


def _with_pixels(read: Read, joints_2d: Tensor) -> Read:
    return read._replace(joints_2d=joints_2d)


def _pick(output: Output, as_is: Bool[Tensor, " batch"]) -> Read:
    """Row by row one of the two."""

    def one(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(as_is.view(-1, *(1,) * (a.dim() - 1)), a, b)

    first, second = output
    parameters = type(first.parameters)(*map(one, first.parameters, second.parameters))
    return Read(
        one(first.maps, second.maps), one(first.joints_2d, second.joints_2d), one(first.scores, second.scores),
        parameters, one(first.right, second.right),
    )  # fmt: skip
