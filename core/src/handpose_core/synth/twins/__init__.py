"""Synthetic data written as each dataset's authors write theirs: twins of the real ones."""

from handpose_core.synth.twins.rhd import RHDTwin

TWINS = {"rhd": RHDTwin}
"""By the name of the dataset that is imitated."""

__all__ = ["TWINS", "RHDTwin"]
