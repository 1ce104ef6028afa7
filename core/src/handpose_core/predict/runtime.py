"""What runs a model: PyTorch on a checkpoint, or ONNX Runtime on an exported file."""

from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float32, Int64
from numpy import ndarray

from handpose_core.predict.info import ModelInfo


class Output(NamedTuple):
    """A batch of estimates; see `handpose_core.training.prediction.Estimate`."""

    joints_2d: Float32[ndarray, "batch 21 2"]
    z_rel: Float32[ndarray, "batch 21"]
    scores: Float32[ndarray, "batch 21"]


@runtime_checkable
class Runtime(Protocol):
    """A model that is ready to run.

    Attributes:
        info: what it says of itself.
    """

    info: ModelInfo

    def run(self, images: Float32[ndarray, "batch 3 s s"], sides: Int64[ndarray, " batch"]) -> Output:
        """Estimate a batch of crops in [0, 1]; ``sides`` are `handpose_core.hand.Side`, unused where not asked for."""
