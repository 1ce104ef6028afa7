"""The objectives, guides and joints that recipes choose from; see `handpose_dggan.objectives.stages`."""

from handpose_dggan.objectives.guides import GeneratedDepth, Guide, SteadyDepth, TrueDepth, discriminate, fool, generate
from handpose_dggan.objectives.joints import ESTIMATED, Estimated, EstimatedDepths, Joints, Labelled
from handpose_dggan.objectives.seen import Networks, Step, Values
from handpose_dggan.objectives.stages import (
    REGRESSION,
    DepthReconstruction,
    Joined,
    Objective,
    Regression,
    Regularisation,
    learning,
    regularised,
)

__all__ = [
    "ESTIMATED",
    "REGRESSION",
    "DepthReconstruction",
    "Estimated",
    "EstimatedDepths",
    "GeneratedDepth",
    "Guide",
    "Joined",
    "Joints",
    "Labelled",
    "Networks",
    "Objective",
    "Regression",
    "Regularisation",
    "SteadyDepth",
    "Step",
    "TrueDepth",
    "Values",
    "discriminate",
    "fool",
    "generate",
    "learning",
    "regularised",
]
