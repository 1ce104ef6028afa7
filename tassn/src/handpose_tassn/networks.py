"""TASSN's pose and mesh estimation (PME) module (thesis, section 4.3.2): clips to heatmaps, meshes and poses.

Places are (u, v, d): u and v from 0 to 1 over the crop, d the depth relative to the wrist in lengths of the reference
bone. So they need neither K nor scale nor the root's depth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.camera import wrist_at_zero
from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS
from handpose_core.mesh import adjacency, coarsen, mesh_edges
from handpose_core.nn.backbones import Variant
from handpose_core.nn.graph import ChebyshevConv, GraphPyramid
from handpose_core.nn.hourglass import HourglassSize, StackedHourglass, pooled_blocks
from handpose_core.rig import load_rig

COLOURS, FLOW = 3, 2
INPUTS = COLOURS + FLOW + N_JOINTS
"""Channels of the hourglass: the image, the flow that led to it, the maps of the frame before."""
STEPS, LEVELS = 2, 4
"""The mesh grows by four, two levels of the coarsening at once, and twice."""
PLACES = 3
FLOW_UNIT = 0.05
"""Of the crop's side: so far a hand moves from frame to frame; flow comes in as a multiple of it."""
#: Subtracted from images before the paper's stem; a backbone normalises them itself.
_GREY = 0.5
_MIDDLE = (0.5, 0.5, 0.0)
"""(u, v, d) from which heads start: the crop's middle."""


@dataclass(frozen=True, kw_only=True)
class HeatmapSize:
    """The hourglass's widths and depths; the defaults are the paper's.

    Args:
        stem: channels after the first convolution.
        features: channels inside the hourglasses.
        stacks: hourglasses one after the other.
        depth: how often each halves its maps.
        backbone: an EfficientNet-Lite in the stem's place, to which flow and earlier maps are added at stride 4 by a
            convolution of their own; None for the paper's stem.
        frozen_blocks: of the backbone, see `EfficientNetLite`.
    """

    stem: int = 64
    features: int = 256
    stacks: int = 2
    depth: int = 4
    backbone: Variant | None = None
    frozen_blocks: int = 0


@dataclass(frozen=True, kw_only=True)
class MeshSize:
    """Which mesh is estimated, and the mesh head's widths; the defaults are the paper's.

    Args:
        rig: the rig, packaged or by path, whose surface it is.
        vertices: of that surface; None for the rig's own.
        poolings: halvings of the hourglass's features, of two residual blocks each.
        grid: side of the maps that are flattened after them.
        hidden: width of the fully connected layer.
        coarse: channels of the coarsest mesh.
        middle: channels of the convolutions on the mesh four times as fine.
        fine: channels on the finest, but for the last convolution's three.
        order: terms of the Chebyshev polynomials.
    """

    rig: str = "anny"
    vertices: int | None = 2561
    poolings: int = 4
    grid: int = 4
    hidden: int = 512
    coarse: int = 64
    middle: Sequence[int] = (64, 32)
    fine: Sequence[int] = (32,)
    order: int = 3


@dataclass(frozen=True, kw_only=True)
class PoseSize:
    """The pose head's widths; the defaults are the paper's.

    Args:
        fine: channels of the convolutions on the mesh.
        middle: channels after the first pooling.
        hidden: width of the fully connected layer.
        order: terms of the Chebyshev polynomials.
    """

    fine: Sequence[int] = (32, 32)
    middle: Sequence[int] = (64, 64)
    hidden: int = 512
    order: int = 3


PAPER_HEATMAPS, PAPER_MESH, PAPER_POSE = HeatmapSize(), MeshSize(), PoseSize()


class ClipOutput(NamedTuple):
    """What the network says of clips.

    Attributes:
        stages: heatmaps of each hourglass.
        vertices: (u, v, d) of the mesh.
        joints: (u, v, d) of the 21 joints.
    """

    stages: list[Float[Tensor, "n t 21 h w"]]
    vertices: Float[Tensor, "n t v 3"]
    joints: Float[Tensor, "n t 21 3"]


class Convolutions(nn.Module):
    """Chebyshev convolutions on one graph, with ReLU after each, or after each but the last."""

    def __init__(self, channels: Sequence[int], order: int, last_linear: bool = False) -> None:
        super().__init__()
        pairs = pairwise(channels)
        self.layers = nn.ModuleList(ChebyshevConv(inputs, outputs, order) for inputs, outputs in pairs)
        self.activated = len(self.layers) - last_linear

    def forward(
        self, features: Float[Tensor, "nodes batch inputs"], pyramid: GraphPyramid, level: int
    ) -> Float[Tensor, "nodes batch outputs"]:
        """Filter features that are at ``level``."""
        for number, layer in enumerate(self.layers):
            features = layer(features, pyramid.laplacian(level))
            features = F.relu(features) if number < self.activated else features
        return features


class MeshHead(nn.Module):
    """Features to the mesh, coarse to fine: FC, up by four, convolutions, up by four, convolutions.

    Args:
        features: channels of the hourglass's.
        size: widths.
        coarsest: nodes of the coarsest mesh, V_4.
    """

    def __init__(self, features: int, size: MeshSize, coarsest: int) -> None:
        super().__init__()
        self.size = size
        self.encoder = pooled_blocks(features, size.poolings)
        self.hidden = nn.Linear(features * size.grid**2, size.hidden)
        self.coarse = nn.Linear(size.hidden, size.coarse * coarsest)
        self.middle = Convolutions((size.coarse, *size.middle), size.order)
        self.fine = Convolutions((size.middle[-1], *size.fine, PLACES), size.order, last_linear=True)
        last = self.fine.layers[-1]
        assert isinstance(last, ChebyshevConv)
        last.bias.data.copy_(torch.tensor(_MIDDLE))

    def forward(
        self, features: Float[Tensor, "batch features h w"], pyramid: GraphPyramid
    ) -> Float[Tensor, "batch v 3"]:
        """(u, v, d) of the vertices."""
        flat = F.adaptive_avg_pool2d(self.encoder(features), self.size.grid).flatten(1)
        nodes = F.relu(self.coarse(F.relu(self.hidden(flat)))).unflatten(1, (-1, self.size.coarse)).transpose(0, 1)
        middle = self.middle(pyramid.unpool(nodes, STEPS), pyramid, STEPS)
        return pyramid.unpad(self.fine(pyramid.unpool(middle, STEPS), pyramid, 0))


class PoseHead(nn.Module):
    """The mesh to the joints: two stacked graph networks with pooling, and two fully connected layers.

    Args:
        size: widths.
        coarsest: nodes of the coarsest mesh, V_4.
    """

    def __init__(self, size: PoseSize, coarsest: int) -> None:
        super().__init__()
        self.fine = Convolutions((PLACES, *size.fine), size.order)
        self.middle = Convolutions((size.fine[-1], *size.middle), size.order)
        self.hidden = nn.Linear(size.middle[-1] * coarsest, size.hidden)
        self.joints = nn.Linear(size.hidden, N_JOINTS * PLACES)
        self.joints.bias.data.copy_(torch.tensor(_MIDDLE).repeat(N_JOINTS))

    def forward(self, vertices: Float[Tensor, "batch v 3"], pyramid: GraphPyramid) -> Float[Tensor, "batch 21 3"]:
        """(u, v, d) of the joints; the wrist's d is 0."""
        fine = pyramid.max_pool(self.fine(pyramid.pad(vertices), pyramid, 0), 0, STEPS)
        # pooling leaves out the nodes that stand for nothing, and puts zeros where there is nothing else
        coarse = pyramid.max_pool(self.middle(fine, pyramid, STEPS), STEPS, STEPS)
        flat = coarse.transpose(0, 1).flatten(1)
        places = self.joints(F.relu(self.hidden(flat))).unflatten(1, (N_JOINTS, PLACES))
        return torch.cat([places[..., :2], wrist_at_zero(places[..., 2])[..., None]], dim=-1)


class PoseAndMesh(nn.Module):
    """The PME module, frame after frame: each sees the flow that led to it and the maps of the frame before.

    Args:
        heatmaps: size of the hourglass.
        mesh: which mesh, and size of its head.
        pose: size of the pose head.
    """

    faces: Int[Tensor, "f 3"]

    def __init__(
        self, heatmaps: HeatmapSize = PAPER_HEATMAPS, mesh: MeshSize = PAPER_MESH, pose: PoseSize = PAPER_POSE
    ) -> None:
        super().__init__()
        rig = load_rig(mesh.rig, mesh.vertices)
        coarsening = coarsen(adjacency(mesh_edges(rig.faces), len(rig.vertices)), LEVELS)
        self.register_buffer("faces", torch.as_tensor(rig.faces))
        self.vertex_count = len(rig.vertices)
        self.pyramid = GraphPyramid(coarsening)
        self.hourglass = StackedHourglass(
            HourglassSize(
                inputs=INPUTS, stem=heatmaps.stem, features=heatmaps.features, stacks=heatmaps.stacks,
                depth=heatmaps.depth, backbone=heatmaps.backbone, frozen_blocks=heatmaps.frozen_blocks,
            )
        )  # fmt: skip
        self.grey = 0.0 if heatmaps.backbone else _GREY
        if isinstance(self.hourglass.stem, nn.Sequential):
            first = self.hourglass.stem[0]
            assert isinstance(first, nn.Conv2d)
            first.weight.data[:, COLOURS:] = 0  # until clips teach otherwise, the past says nothing
        self.mesh = MeshHead(heatmaps.features, mesh, coarsening.sizes[-1])
        self.pose = PoseHead(pose, coarsening.sizes[-1])

    def forward(
        self,
        images: Float[Tensor, "n t 3 size size"],
        flow: Float[Tensor, "n t 2 size size"],
        heeded: Bool[Tensor, "n t"],
    ) -> ClipOutput:
        """Heatmaps, meshes and poses of clips.

        Args:
            images: frames in the order in which they are seen.
            flow: from the frame before, px; of the first frames it is not looked at.
            heeded: frames that see their flow and the maps of the frame before; to the others they are zero, as to
                the first ones.
        """
        stages, features = self._read(images, flow, heeded)
        shape = images.shape[:2]
        vertices = self.mesh(features.flatten(0, 1), self.pyramid)
        joints = self.pose(vertices, self.pyramid)
        return ClipOutput(stages, vertices.unflatten(0, shape), joints.unflatten(0, shape))

    def _read(
        self, images: Tensor, flow: Tensor, heeded: Tensor
    ) -> tuple[list[Float[Tensor, "n t 21 h w"]], Float[Tensor, "n t features h w"]]:
        """The hourglass along the clips."""
        count, side = images.shape[0], images.shape[-1]  # not len(), which export would take for a constant
        maps, features = [], []
        before = images.new_zeros(count, N_JOINTS, side, side)
        for time in range(images.shape[1]):
            heeds = heeded[:, time, None, None, None] if time else torch.zeros_like(heeded[:, 0, None, None, None])
            motion = torch.where(heeds, flow[:, time] / (FLOW_UNIT * side), 0)
            seen = torch.cat([images[:, time] - self.grey, motion, torch.where(heeds, before, 0)], dim=1)
            stages, feature = self.hourglass(seen.contiguous(memory_format=torch.channels_last))
            # each frame learns from its own losses: no gradient runs back through the clip
            before = F.interpolate(stages[-1].detach().float(), size=(side, side), mode="bilinear", align_corners=False)
            maps.append(stages)
            features.append(feature)
        return [torch.stack(stage, dim=1) for stage in zip(*maps, strict=True)], torch.stack(features, dim=1)


def require_vertices(found: int, faces: Int[Tensor, "f 3"]) -> None:
    """Make sure that labelled meshes have the estimated mesh's vertices.

    Raises:
        HandposeError: they have not.
    """
    expected = int(faces.max()) + 1
    if found != expected:
        raise HandposeError(
            "the data's meshes", f"{found} vertices", f"{expected}, as the network's mesh has",
            "Give the module the data's rig and count: model.mesh.rig, model.mesh.vertices.",
        )  # fmt: skip
