"""The single-view network: image to heatmaps, mesh and relative depths (thesis, figure 5.2)."""

from dataclasses import dataclass
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from handpose_core.nn.hourglass import PAPER_HOURGLASS, HourglassSize, StackedHourglass
from handpose_mvhm.networks.mesh import (
    PAPER_DEPTH_HEAD,
    PAPER_MESH,
    DepthHead,
    DepthHeadSize,
    MeshEvidence,
    MeshSize,
    mesh_pyramid,
)


@dataclass(frozen=True, kw_only=True)
class SingleViewSize:
    """The sizes of a `SingleViewNetwork`; the defaults are the paper's.

    Args:
        hourglass: of the 2D evidence network.
        mesh: of the mesh evidence network.
        depth_head: of what makes depths of the mesh.
    """

    hourglass: HourglassSize = PAPER_HOURGLASS
    mesh: MeshSize = PAPER_MESH
    depth_head: DepthHeadSize = PAPER_DEPTH_HEAD


PAPER_SINGLE_VIEW = SingleViewSize()


class SingleView(NamedTuple):
    """What the single-view network says of images.

    Attributes:
        stages: Heatmaps of every hourglass, first to last.
        mesh: (u, v, d) of each vertex: crop coordinates in [0, 1], relative depth.
        z_rel: Depth of each joint relative to the wrist, in lengths of the reference bone.
    """

    stages: list[Float[Tensor, "batch 21 h w"]]
    mesh: Float[Tensor, "batch vertices 3"]
    z_rel: Float[Tensor, "batch 21"]


class SingleViewNetwork(nn.Module):
    """2D evidence, mesh evidence and depth head, one after the other.

    Args:
        size: their sizes.
    """

    def __init__(self, size: SingleViewSize = PAPER_SINGLE_VIEW) -> None:
        super().__init__()
        self.pyramid = mesh_pyramid(size.mesh)
        self.evidence_2d = StackedHourglass(size.hourglass)
        self.evidence_mesh = MeshEvidence(size.hourglass.features, size.mesh, self.pyramid)
        self.depth_head = DepthHead(size.depth_head, self.pyramid)

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> SingleView:
        """Everything about RGB images in [0, 1], whose sides the hourglass can halve."""
        stages, features = self.evidence_2d(image)
        mesh = self.evidence_mesh(features, self.pyramid)
        return SingleView(stages, mesh, self.depth_head(mesh, self.pyramid))
