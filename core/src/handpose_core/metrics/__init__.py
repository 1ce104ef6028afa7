"""Scores of hand poses and meshes: pure functions in `functional`, conventions in `protocols`, torchmetrics classes."""

from handpose_core.metrics.mesh import HandMeshScore, MeshFigures
from handpose_core.metrics.pose import HandPixelScore, HandPoseScore
from handpose_core.metrics.protocols import ALIGNMENTS, PIXEL_PROTOCOLS, PROTOCOLS, ROOTS, Measures, ScoringProtocol
from handpose_core.metrics.score import Score

__all__ = [
    "ALIGNMENTS",
    "PIXEL_PROTOCOLS",
    "PROTOCOLS",
    "ROOTS",
    "HandMeshScore",
    "HandPixelScore",
    "HandPoseScore",
    "Measures",
    "MeshFigures",
    "Score",
    "ScoringProtocol",
]
