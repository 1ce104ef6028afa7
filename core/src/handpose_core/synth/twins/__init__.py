"""Synthetic data written as each dataset's authors write theirs: twins of the real ones."""

from handpose_core.synth.generate import Twin
from handpose_core.synth.twins.mhp import MHPTwin
from handpose_core.synth.twins.rhd import RHDTwin
from handpose_core.synth.twins.single import CMUPSTwin, FreiHANDTwin
from handpose_core.synth.twins.stb import STBTwin

TWINS: dict[str, type[Twin]] = {
    "rhd": RHDTwin,
    "stb": STBTwin,
    "mhp": MHPTwin,
    "cmu-ps": CMUPSTwin,
    "freihand": FreiHANDTwin,
}
"""By the name of the dataset that is imitated."""

__all__ = ["TWINS", "CMUPSTwin", "FreiHANDTwin", "MHPTwin", "RHDTwin", "STBTwin"]
