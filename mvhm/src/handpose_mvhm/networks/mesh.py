"""The mesh evidence network and the depth head: image features to a mesh, the mesh to the joints' depths."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.camera import wrist_at_zero
from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS
from handpose_core.mesh import adjacency, coarsen, mesh_edges
from handpose_core.nn.graph import ChebyshevConv, GraphPyramid
from handpose_core.nn.hourglass import pooled_blocks
from handpose_core.rig import load_rig


@dataclass(frozen=True, kw_only=True)
class MeshSize:
    """Which mesh is estimated, and the widths of `MeshEvidence`; the defaults are the paper's.

    Args:
        rig: name of the hand whose mesh it is, or its path; as the training data's.
        vertices: how many it shall have, such as the thesis's 2,561; None for the rig's own.
        poolings: how often the features are halved before they are flattened.
        grid: side of the map that is flattened; a map of another size is average-pooled to it.
        hidden: width of the fully connected layer.
        widths: channels at each level of the mesh, coarsest first; as many levels of coarsening as there are, less one.
        order: K of the Chebyshev convolutions.
    """

    rig: str = "anny"
    vertices: int | None = None
    poolings: int = 4
    grid: int = 4
    hidden: int = 512
    widths: Sequence[int] = (64, 64, 32, 32)
    order: int = 3


@dataclass(frozen=True, kw_only=True)
class DepthHeadSize:
    """The widths of a `DepthHead`; the defaults are the paper's.

    Args:
        widths: channels of the graph convolutions; the graph is pooled after each.
        steps: levels that each pooling goes up, together at most the mesh's.
        hidden: width of the first fully connected layer.
        order: K of the Chebyshev convolutions.
    """

    widths: Sequence[int] = (32, 64)
    steps: Sequence[int] = (1, 2)
    hidden: int = 512
    order: int = 3


PAPER_MESH = MeshSize()
PAPER_DEPTH_HEAD = DepthHeadSize()


def mesh_pyramid(size: MeshSize) -> GraphPyramid:
    """The rig's mesh and its coarser levels, by heavy-edge matching."""
    rig = load_rig(size.rig, size.vertices)
    graph = adjacency(mesh_edges(rig.faces), len(rig.vertices))
    return GraphPyramid(coarsen(graph, len(size.widths) - 1))


class NodeNorm(nn.LayerNorm):
    """Each node's channels with zero mean and unit variance: what stands in a fake node reaches no other."""


class MeshEvidence(nn.Module):
    """Image features to a hand's mesh, from coarse to fine (thesis, section 5.3.2).

    Args:
        channels: of the features.
        size: the mesh and the widths.
        pyramid: the mesh's levels.
    """

    def __init__(self, channels: int, size: MeshSize, pyramid: GraphPyramid) -> None:
        super().__init__()
        self.size, self.levels = size, pyramid.levels
        self.coarsest = pyramid.sizes()[-1]
        widths = size.widths
        self.encoder = pooled_blocks(channels, size.poolings)
        self.to_nodes = nn.Sequential(
            nn.Linear(channels * size.grid**2, size.hidden),
            nn.ReLU(),
            nn.Linear(size.hidden, self.coarsest * widths[0]),
        )
        inputs = (widths[0], *widths[:-1])
        self.convolutions = nn.ModuleList(ChebyshevConv(i, o, size.order) for i, o in zip(inputs, widths, strict=True))
        self.norms = nn.ModuleList(NodeNorm(width) for width in widths)
        self.out = ChebyshevConv(widths[-1], 3, size.order)

    def forward(
        self, features: Float[Tensor, "batch channels h w"], pyramid: GraphPyramid
    ) -> Float[Tensor, "batch vertices 3"]:
        """The vertices as (u, v, d): crop coordinates in [0, 1], depth relative to the wrist in reference bones."""
        grid = F.adaptive_avg_pool2d(self.encoder(features), self.size.grid)
        flat: Tensor = self.to_nodes(grid.flatten(1))
        nodes = flat.unflatten(1, (self.coarsest, -1)).transpose(0, 1).contiguous()
        for step, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            if step:
                nodes = pyramid.unpool(nodes)
            nodes = F.relu(norm(convolution(nodes, pyramid.laplacian(self.levels - step))))
        vertices = pyramid.unpad(self.out(nodes, pyramid.laplacian(0)))
        return vertices + vertices.new_tensor([0.5, 0.5, 0.0])  # hands are in the middle of their crops


class DepthHead(nn.Module):
    """A mesh to the depths of the 21 joints: graph convolutions, then two fully connected layers (section 5.3.3).

    Args:
        size: the widths.
        pyramid: the mesh's levels.

    Raises:
        HandposeError: it pools more levels than there are.
    """

    def __init__(self, size: DepthHeadSize, pyramid: GraphPyramid) -> None:
        super().__init__()
        if len(size.steps) != len(size.widths) or sum(size.steps) > pyramid.levels:
            raise HandposeError(
                "model.size.depth_head.steps", f"{list(size.steps)} for {len(size.widths)} graph convolutions",
                f"a number for each, together at most {pyramid.levels}", "Correct the network's size.",
            )  # fmt: skip
        self.steps = tuple(size.steps)
        inputs = (3, *size.widths[:-1])
        self.convolutions = nn.ModuleList(
            ChebyshevConv(i, o, size.order) for i, o in zip(inputs, size.widths, strict=True)
        )
        nodes = pyramid.sizes()[sum(size.steps)]
        self.regress = nn.Sequential(
            nn.Linear(nodes * size.widths[-1], size.hidden), nn.ReLU(), nn.Linear(size.hidden, N_JOINTS)
        )

    def forward(self, mesh: Float[Tensor, "batch vertices 3"], pyramid: GraphPyramid) -> Float[Tensor, "batch 21"]:
        """Depth of each joint relative to the wrist, whose own is 0, in lengths of the reference bone."""
        nodes, level = pyramid.pad(mesh - mesh.new_tensor([0.5, 0.5, 0.0])), 0
        for convolution, step in zip(self.convolutions, self.steps, strict=True):
            nodes = F.relu(convolution(nodes, pyramid.laplacian(level)))
            nodes = pyramid.max_pool(nodes, level, step)  # which leaves zeros in fake nodes
            level += step
        return wrist_at_zero(self.regress(nodes.transpose(0, 1).flatten(1)))
