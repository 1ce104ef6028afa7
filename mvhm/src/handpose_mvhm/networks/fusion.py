"""Fusing what several views say of one hand: the slot, and the thesis's way (section 5.3.4).

A recipe chooses a `Fusion`, which builds the network. All of them take any number of views, some of which may be
missing, and answer in millimetres in the world's frame.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_NAMES, MIDDLE_MCP, N_JOINTS, WRIST
from handpose_mvhm.networks.graph_unet import PAPER_UNET, GraphUNet, GraphUNetSize

_INDEX_MCP, _LITTLE_MCP = JOINT_NAMES.index("index_mcp"), JOINT_NAMES.index("little_mcp")


@dataclass(frozen=True)
class ViewPoses:
    """What the views of a batch of hands say of them.

    Attributes:
        joints: Each view's own estimate, mm, world frame; anything where the view is missing.
        centres: Of the cameras, mm, world frame.
        scores: How sure each view is of each joint's place in its picture: the heatmap's maximum.
        present: Which views there are; at least one of each hand.
        scale: Length of the reference bone, mm.
    """

    joints: Float[Tensor, "batch views 21 3"]
    centres: Float[Tensor, "batch views 3"]
    scores: Float[Tensor, "batch views 21"]
    present: Bool[Tensor, "batch views"]
    scale: Float[Tensor, "batch"]

    def settled(self) -> "ViewPoses":
        """The same in single precision, with zeros in missing views: not-a-number must reach no sum."""
        here = self.present
        return ViewPoses(
            torch.where(here[..., None, None], self.joints.float(), 0),
            torch.where(here[..., None], self.centres.float(), 0),
            torch.where(here[..., None], self.scores.float(), 0),
            here,
            self.scale.float(),
        )


class FusionNetwork(nn.Module, ABC):
    """Several views' joints to one hand's."""

    def forward(self, views: ViewPoses) -> Float[Tensor, "batch 21 3"]:
        """The fused joints, mm, world frame.

        Raises:
            HandposeError: a hand without any view.
        """
        if not bool(views.present.any(dim=1).all()):
            raise HandposeError(
                "views", "a hand with none", "at least one view of each", "Leave such hands out of the data."
            )
        with torch.autocast(views.joints.device.type, enabled=False):  # it would round millimetres away
            return self.fuse(views.settled())

    @abstractmethod
    def fuse(self, views: ViewPoses) -> Float[Tensor, "batch 21 3"]:
        """As `forward`, of views in single precision whose missing ones are zeros."""


class Fusion(ABC):
    """A way of fusing that a recipe chooses."""

    @abstractmethod
    def build(self) -> FusionNetwork:
        """Its network, with new weights."""


@dataclass(frozen=True)
class Mean(Fusion):
    """The mean of the views' estimates: nothing is learnt; what any fusion has to beat."""

    def build(self) -> FusionNetwork:
        """See `Fusion`."""
        return MeanNetwork()


@dataclass(frozen=True)
class Concatenation(Fusion):
    """The thesis's: the views' joints beside each other as 3 M channels, a Graph U-Net, added to the views' mean.

    Each view has its place: the network knows as many as it was made for, and fewer by zeros and a mark for each.
    Cameras are not looked at.

    Args:
        views: M, how many views there may be.
        unet: sizes of the Graph U-Net.
    """

    views: int = 8
    unet: GraphUNetSize = PAPER_UNET

    def build(self) -> FusionNetwork:
        """See `Fusion`."""
        return ConcatenationNetwork(self.views, self.unet)


class MeanNetwork(FusionNetwork):
    """See `Mean`."""

    def fuse(self, views: ViewPoses) -> Float[Tensor, "batch 21 3"]:
        """See `FusionNetwork`."""
        return mean_of_views(views)


class ConcatenationNetwork(FusionNetwork):
    """See `Concatenation`.

    Args:
        views: how many views there may be.
        unet: sizes of the Graph U-Net.
    """

    def __init__(self, views: int, unet: GraphUNetSize) -> None:
        super().__init__()
        self.views = views
        self.unet = GraphUNet(4 * views, 3, unet)

    def fuse(self, views: ViewPoses) -> Float[Tensor, "batch 21 3"]:
        """See `FusionNetwork`.

        Raises:
            HandposeError: more views than it was made for.
        """
        count = views.present.shape[1]
        if count > self.views:
            raise HandposeError(
                "model.fusion, Concatenation", f"{count} views", f"at most {self.views}, which it was made for",
                "Choose fewer with data.views, or train one for more.",
            )  # fmt: skip
        mean = mean_of_views(views)
        frame = palm_frame(mean)
        rooted = views.joints - views.joints[..., [WRIST], :]
        own = into_frame(rooted, frame[:, None], views.scale[:, None])
        marks = views.present[..., None, None].expand(-1, -1, N_JOINTS, 1)
        slots = torch.cat([torch.where(marks, own, 0), marks.float()], dim=-1)
        slots = F.pad(slots, (0, 0, 0, 0, 0, self.views - count))
        correction = self.unet(slots.transpose(1, 2).flatten(2))
        return mean + out_of_frame(correction, frame, views.scale)


def mean_of_views(views: ViewPoses) -> Float[Tensor, "batch 21 3"]:
    """The mean of the estimates of the views that are there."""
    counted = views.present.sum(1).clamp_min(1)
    return views.joints.sum(1) / counted[:, None, None]


def palm_frame(joints: Float[Tensor, "*batch 21 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Axes of the palm as columns: across it, along it to the middle finger, and out of it; without gradient.

    In it a network sees a hand alike however the world lies. A palm without extent has some other right-handed frame.
    """
    with torch.no_grad():
        along = _unit(joints[..., MIDDLE_MCP, :] - joints[..., WRIST, :], axis=1)
        across = joints[..., _INDEX_MCP, :] - joints[..., _LITTLE_MCP, :]
        across = across - (across * along).sum(-1, keepdim=True) * along
        # where the knuckles lie on one line with the wrist: any direction at a right angle will do
        spare = torch.zeros_like(along).scatter(-1, along.abs().argmin(-1, keepdim=True), 1.0)
        spare = spare - (spare * along).sum(-1, keepdim=True) * along
        across = torch.where(across.norm(dim=-1, keepdim=True) > 1e-3, across, spare)
        across = across / across.norm(dim=-1, keepdim=True)
        return torch.stack([across, along, torch.linalg.cross(across, along)], dim=-1)


def into_frame(
    vectors: Float[Tensor, "*batch n 3"], frame: Float[Tensor, "*#batch 3 3"], scale: Float[Tensor, "*#batch"]
) -> Float[Tensor, "*batch n 3"]:
    """Vectors (mm, world) as the frame's coordinates, in lengths of the reference bone."""
    return (vectors @ frame) / scale[..., None, None]


def out_of_frame(
    vectors: Float[Tensor, "*batch n 3"], frame: Float[Tensor, "*#batch 3 3"], scale: Float[Tensor, "*#batch"]
) -> Float[Tensor, "*batch n 3"]:
    """The inverse of `into_frame`."""
    return (vectors @ frame.transpose(-1, -2)) * scale[..., None, None]


def _unit(vectors: Float[Tensor, "*batch 3"], axis: int) -> Float[Tensor, "*batch 3"]:
    """Vectors of length 1; one without a length becomes an axis."""
    lengths = vectors.norm(dim=-1, keepdim=True)
    spare = torch.zeros_like(vectors)
    spare[..., axis] = 1
    return torch.where(lengths > 1e-3, vectors / lengths.clamp_min(1e-12), spare)
