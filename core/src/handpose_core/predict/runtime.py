"""What runs a model: PyTorch on a checkpoint or a packed file, or ONNX Runtime on an exported one."""

from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Bool, Float32, Int64
from numpy import ndarray

from handpose_core.predict.info import ModelInfo


class Output(NamedTuple):
    """A batch of estimates; see `handpose_core.training.prediction.Estimate`."""

    joints_2d: Float32[ndarray, "batch 21 2"]
    z_rel: Float32[ndarray, "batch 21"]
    scores: Float32[ndarray, "batch 21"]


class Meshes(NamedTuple):
    """What else a method says that estimates whole hands; see `handpose_core.estimators.onehand.outputs`.

    Joints and vertices are about the wrist, in lengths of the reference bone, in the frame of a camera that looks at
    ``middle``, px of the crop. `Output.scores` have ``presence`` in them.
    """

    xyz: Float32[ndarray, "batch 21 3"]
    vertices: Float32[ndarray, "batch v 3"]
    right: Float32[ndarray, " batch"]
    is_right: Bool[ndarray, " batch"]
    middle: Float32[ndarray, "batch 2"]
    presence: Float32[ndarray, " batch"]


UNTOLD = -1
"""Among ``sides``: nobody said."""


@runtime_checkable
class Runtime(Protocol):
    """A model that is ready to run.

    Attributes:
        info: what it says of itself.
    """

    info: ModelInfo

    def run(self, images: Float32[ndarray, "batch 3 s s"], sides: Int64[ndarray, " batch"]) -> Output:
        """Estimate a batch of crops in [0, 1]; ``sides`` are `handpose_core.hand.Side`, unused where not asked for."""


@runtime_checkable
class MeshRuntime(Runtime, Protocol):
    """A model that finds out the side and gives meshes.

    Attributes:
        faces: corners, counter-clockwise seen from outside a right hand.
    """

    faces: Int64[ndarray, "f 3"]

    def run_meshes(
        self, images: Float32[ndarray, "batch 3 s s"], sides: Int64[ndarray, " batch"]
    ) -> tuple[Output, Meshes]:
        """Estimate a batch of crops in [0, 1]; ``sides`` as for `Runtime.run`, `UNTOLD` where the model shall say."""
