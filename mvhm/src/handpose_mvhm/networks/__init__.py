"""MVHM's networks: single view, and the fusion of several."""

from handpose_mvhm.networks.fusion import Concatenation, Fusion, FusionNetwork, Mean, ViewPoses
from handpose_mvhm.networks.graph_unet import GraphUNet, GraphUNetSize
from handpose_mvhm.networks.mesh import DepthHead, DepthHeadSize, MeshEvidence, MeshSize
from handpose_mvhm.networks.single_view import PAPER_SINGLE_VIEW, SingleView, SingleViewNetwork, SingleViewSize
from handpose_mvhm.networks.triangulation import RefinedTriangulation, Triangulation

__all__ = [
    "PAPER_SINGLE_VIEW",
    "Concatenation",
    "DepthHead",
    "DepthHeadSize",
    "Fusion",
    "FusionNetwork",
    "GraphUNet",
    "GraphUNetSize",
    "Mean",
    "MeshEvidence",
    "MeshSize",
    "RefinedTriangulation",
    "SingleView",
    "SingleViewNetwork",
    "SingleViewSize",
    "Triangulation",
    "ViewPoses",
]
