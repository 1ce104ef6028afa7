"""Synthetic data written as each dataset's authors write theirs: twins of the real ones."""

from handpose_core.synth.generate import Twin
from handpose_core.synth.twins.mhp import MHPTwin
from handpose_core.synth.twins.rhd import RHDTwin
from handpose_core.synth.twins.stb import STBTwin

TWINS: dict[str, type[Twin]] = {"rhd": RHDTwin, "stb": STBTwin, "mhp": MHPTwin}
"""By the name of the dataset that is imitated."""

__all__ = ["TWINS", "MHPTwin", "RHDTwin", "STBTwin"]
