"""The networks of Zimmermann & Brox 2017, "Learning to Estimate 3D Hand Pose from Single RGB Images".

HandSegNet finds the hand, PoseNet its 21 keypoints as heatmaps, and of these alone PosePrior makes the hand's shape in
a canonical frame and ViewPoint how that frame is turned. Both are told whether it is a left or a right hand.

Coordinates are multiplied element by element: under autocast ``@`` would round them to half precision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.camera import reference_length
from handpose_core.hand import JOINT_NAMES, MIDDLE_MCP, N_JOINTS, WRIST, Side
from handpose_core.nn.cpm import ConvolutionalPoseMachine, CPMSize, Norm, convolution, initialise
from handpose_core.nn.localise import Localiser, SegmentedHand, crop_images
from handpose_core.nn.rotation import axis_angle_matrices, rotation_from_6d

RotationForm = Literal["axis_angle", "6d"]
_ROTATIONS = {"axis_angle": (3, axis_angle_matrices), "6d": (6, rotation_from_6d)}
"""How many numbers say a rotation, and which they say."""

LITTLE_MCP = JOINT_NAMES.index("little_mcp")
_SIDES = len(Side)


@dataclass(frozen=True, kw_only=True)
class BranchSize:
    """The widths of a `HeatmapBranch`.

    Args:
        convolutions: channels of each pair of convolutions: 3 x 3, then one with stride 2.
        hidden: widths of the hidden fully connected layers.
        grid: side of the maps that come in; maps of another size are average-pooled to it. 32 is the size that a
            256 px image gives at the paper's stride of 8.
        norm: normalisation after each convolution; the paper has none.
    """

    convolutions: Sequence[int]
    hidden: Sequence[int]
    grid: int = 32
    norm: Norm = "none"

    @property
    def flat(self) -> int:
        """Length of the flattened last map."""
        return self.convolutions[-1] * (self.grid >> len(self.convolutions)) ** 2


PAPER_SEGMENTATION = CPMSize(stages=1, maps=2)
"""A pose machine's first stage with two maps, background and hand: the paper's is "a smaller version" of CPM's."""
PAPER_POSENET = CPMSize(stages=3, maps=N_JOINTS)
PAPER_PRIOR = BranchSize(convolutions=(32, 64, 128), hidden=(512, 512))
PAPER_VIEWPOINT = BranchSize(convolutions=(64, 128, 256), hidden=(256, 128))


@dataclass(frozen=True, kw_only=True)
class Hand3DSize:
    """The sizes of all networks of a `Hand3D`; the paper's by default.

    Args:
        segmentation: HandSegNet, a pose machine with two maps.
        posenet: PoseNet, a pose machine with 21.
        prior: PosePrior.
        viewpoint: ViewPoint.
        rotation: what ViewPoint says the rotation by. The paper's axis and angle jumps at half a turn, where one
            training out of some begun from nothing stays for good; two axes, "6d" (Zhou et al. 2019), never jump.
    """

    segmentation: CPMSize = PAPER_SEGMENTATION
    posenet: CPMSize = PAPER_POSENET
    prior: BranchSize = PAPER_PRIOR
    viewpoint: BranchSize = PAPER_VIEWPOINT
    rotation: RotationForm = "axis_angle"


PAPER_HAND3D = Hand3DSize()
SEGMENTED_HAND = SegmentedHand()


class Placed(NamedTuple):
    """A hand in space, root-relative, in lengths of the reference bone.

    Attributes:
        canonical: (B 21 3) in the canonical frame of `canonical_frame`.
        rotation: (B 3 3) whose rows are that frame's axes in the camera's.
        xyz: (B 21 3) in the camera's frame.
    """

    canonical: Tensor
    rotation: Tensor
    xyz: Tensor


class Output(NamedTuple):
    """What a `Hand3D` says of images.

    Attributes:
        crop: (B 3 3) the map of image pixels to those of the crop that PoseNet saw, which is of the image's size.
        stages: PoseNet's maps (B 21 h w) of the crop, stage by stage.
        placed: the hand.
    """

    crop: Tensor
    stages: list[Tensor]
    placed: Placed


class HandSegNet(nn.Module):
    """RGB image to the hand's mask.

    Args:
        size: the trunk's widths, and two maps.
    """

    def __init__(self, size: CPMSize = PAPER_SEGMENTATION) -> None:
        super().__init__()
        self.machine = ConvolutionalPoseMachine(size)

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 2 height width"]:
        """Logits of background and hand, upsampled bilinearly to the image."""
        stages, _ = self.machine(image.contiguous(memory_format=torch.channels_last))
        return F.interpolate(stages[-1].float(), size=image.shape[-2:], mode="bilinear", align_corners=False)


class HeatmapBranch(nn.Module):
    """21 heatmaps and the hand's side to a few numbers: pairs of convolutions, then fully connected layers.

    Args:
        outputs: how many numbers.
        size: widths.
    """

    def __init__(self, outputs: int, size: BranchSize) -> None:
        super().__init__()
        self.size = size
        layers: list[nn.Module] = []
        inputs = N_JOINTS
        for width in size.convolutions:
            layers += [convolution(inputs, width, 3, size.norm), convolution(width, width, 3, size.norm, stride=2)]
            inputs = width
        self.convolutions = nn.Sequential(*layers)
        widths = (size.flat + _SIDES, *size.hidden)
        hidden = [nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(widths)]
        self.regress = nn.Sequential(*hidden, nn.Linear(widths[-1], outputs))
        initialise(self)

    def forward(
        self, heatmaps: Float[Tensor, "batch 21 h w"], side: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch outputs"]:
        """The numbers of each hand."""
        features = self.convolutions(F.adaptive_avg_pool2d(heatmaps, self.size.grid)).flatten(1)
        told = F.one_hot(side, _SIDES).to(features)
        numbers: Tensor = self.regress(torch.cat([features, told], dim=1))
        return numbers


class Lifting(nn.Module):
    """Heatmaps to a hand in space: PosePrior and ViewPoint.

    Args:
        prior: PosePrior's widths.
        viewpoint: ViewPoint's widths.
        rotation: what it says the rotation by.
    """

    def __init__(
        self,
        prior: BranchSize = PAPER_PRIOR,
        viewpoint: BranchSize = PAPER_VIEWPOINT,
        rotation: RotationForm = "axis_angle",
    ) -> None:
        super().__init__()
        numbers, self.turn = _ROTATIONS[rotation]
        self.prior = HeatmapBranch(3 * N_JOINTS, prior)
        self.viewpoint = HeatmapBranch(numbers, viewpoint)

    def forward(self, heatmaps: Float[Tensor, "batch 21 h w"], side: Int[Tensor, " batch"]) -> Placed:
        """The hands of the maps."""
        canonical = self.prior(heatmaps, side).float().unflatten(1, (N_JOINTS, 3))
        canonical = canonical - canonical[:, [WRIST]]
        rotation = self.turn(self.viewpoint(heatmaps, side).float())
        return Placed(canonical, rotation, place(canonical, rotation))


class Hand3D(nn.Module):
    """RGB image and the hand's side to heatmaps and a hand in space.

    Args:
        size: the networks' sizes; the paper's by default.
        localiser: which part of the image PoseNet sees; the paper's by default.
    """

    def __init__(self, size: Hand3DSize = PAPER_HAND3D, localiser: Localiser = SEGMENTED_HAND) -> None:
        super().__init__()
        self.localiser = localiser
        self.segmentation = HandSegNet(size.segmentation)
        self.posenet = ConvolutionalPoseMachine(size.posenet)
        self.lifting = Lifting(size.prior, size.viewpoint, size.rotation)

    def crop(
        self, image: Float[Tensor, "batch 3 size size"]
    ) -> tuple[Float[Tensor, "batch 3 3"], Float[Tensor, "batch 3 size size"]]:
        """The map to the crop's pixels, and the crop."""
        if not self.localiser.uses_mask:
            return self.localiser(image[:, 0]), image
        with torch.no_grad():  # a box has no gradient
            A = self.localiser(self.segmentation(image).softmax(dim=1)[:, 1])
        return A, crop_images(image, A)

    def locate(
        self, image: Float[Tensor, "batch 3 size size"]
    ) -> tuple[Float[Tensor, "batch 3 3"], list[Float[Tensor, "batch 21 h w"]]]:
        """The map to the crop's pixels, and PoseNet's maps of the crop, stage by stage."""
        A, cropped = self.crop(image)
        stages, _ = self.posenet(cropped.contiguous(memory_format=torch.channels_last))
        return A, stages

    def forward(self, image: Float[Tensor, "batch 3 size size"], side: Int[Tensor, " batch"]) -> Output:
        """All of it.

        Args:
            image: RGB in [0, 1], sides divisible by the networks' strides.
            side: `handpose_core.hand.Side` of each hand.
        """
        A, stages = self.locate(image)
        return Output(A, stages, self.lifting(stages[-1], side))


def place(canonical: Float[Tensor, "batch 21 3"], rotation: Float[Tensor, "batch 3 3"]) -> Float[Tensor, "batch 21 3"]:
    """Turn canonical hands into the camera's frame: ``canonical · R``.

    The paper flips a right hand's z first, so that it looks like a left one; here datamodules show all hands as right
    ones (`handpose_core.geometry.handedness`), and nothing is left to flip.

    Args:
        canonical: Joints in the frame of `canonical_frame`, in lengths of the reference bone.
        rotation: Whose rows are that frame's axes in the camera's.

    Returns:
        Root-relative joints in the camera's frame, in lengths of the reference bone.
    """
    return (canonical[..., None] * rotation[:, None]).sum(-2)


def canonical_frame(joints: Float[Tensor, "batch 21 3"], annotated: Bool[Tensor, "batch 21"]) -> Placed:
    """Compute what the networks are to say of true joints: `place` of canonical ones and rotation gives ``xyz``.

    The canonical frame has the wrist at the origin, the middle finger's MCP on the y axis and the little finger's in
    the plane z = 0 with x > 0. Where one of these joints or the reference bone has no annotation the result means
    nothing; no gradient or NaN comes out of it.

    Args:
        joints: mm, camera frame.
        annotated: The joints that have a label.

    Returns:
        The hands, in lengths of the reference bone.
    """
    known = torch.where(annotated[..., None], joints, 0)
    xyz = (known - known[:, [WRIST]]) / reference_length(known).clamp_min(1e-3)[:, None, None]
    y = F.normalize(xyz[:, MIDDLE_MCP], dim=-1)
    across = xyz[:, LITTLE_MCP]
    x = F.normalize(across - (across * y).sum(-1, keepdim=True) * y, dim=-1)
    rotation = torch.stack([x, y, torch.linalg.cross(x, y)], dim=1)
    return Placed((xyz[..., None, :] * rotation[:, None]).sum(-1), rotation, xyz)
