"""The suite's own estimator as a `MeshRuntime`; torch alone."""

import io
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float32, Int64
from numpy import ndarray
from torch import Tensor

from handpose_core.estimators.onehand.estimator import HandEstimator
from handpose_core.estimators.onehand.parts import check_trained
from handpose_core.estimators.onehand.serialization import unpack
from handpose_core.nn.fused import folded
from handpose_core.predict.device import best_device
from handpose_core.predict.info import ModelInfo
from handpose_core.predict.runtime import Meshes, Output


class OneHandRuntime:
    """A trained `HandEstimator` in evaluation.

    Args:
        estimator: The estimator, to be written or exported as it is.
        info: Its metadata.

    Attributes:
        running: The estimator that is run, batch norms folded into convolutions.
        faces: Vertices of the triangles, counter-clockwise seen from outside a right hand.

    Raises:
        HandposeError: The detector or the pose network is untrained.
    """

    def __init__(self, estimator: HandEstimator, info: ModelInfo) -> None:
        check_trained(info.trained_on, "the model")
        self.estimator, self.info = estimator.eval(), info
        self.running: HandEstimator = folded(estimator)
        self.faces: Int64[ndarray, "f 3"] = estimator.rig.faces.cpu().numpy()

    def __getstate__(self) -> dict[str, Any]:
        """Return the estimator's bytes, whatever device it is on, and its metadata."""
        stream = io.BytesIO()
        torch.save(self.estimator, stream)
        return {"estimator": stream.getvalue(), "info": self.info}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Load the estimator, onto a GPU where there is one."""
        estimator = torch.load(io.BytesIO(state["estimator"]), map_location="cpu", weights_only=False)
        self.__init__(estimator.to(best_device()), state["info"])  # type: ignore[misc]

    def run(self, images: Float32[ndarray, "batch 3 s s"], sides: Int64[ndarray, " batch"]) -> Output:
        """See `handpose_core.predict.runtime.Runtime`; the handedness is the estimated one."""
        with torch.inference_mode():
            found = self.estimator.decode(self.estimator(torch.from_numpy(images).to(self._device)))
        return Output(*map(_array, (found.joints_2d, found.z_rel, found.scores)))

    def run_meshes(
        self, images: Float32[ndarray, "batch 3 s s"], sides: Int64[ndarray, " batch"]
    ) -> tuple[Output, Meshes]:
        """See `handpose_core.predict.runtime.MeshRuntime`."""
        with torch.inference_mode():
            views = self.running(torch.from_numpy(images).to(self._device))
            found = self.running.decode_with_handedness(views, torch.from_numpy(sides).to(self._device))
        joints = (found.joints_2d, found.z_rel, found.scores)
        xyz, vertices, right, middle, presence = map(
            _array, (found.xyz, found.vertices, found.right, found.middle, found.presence)
        )
        return Output(*map(_array, joints)), Meshes(
            xyz, vertices, right, found.is_right.cpu().numpy(), middle, presence
        )

    @property
    def _device(self) -> torch.device:
        return self.running.rig.faces.device


def _array(values: Tensor) -> Float32[ndarray, "..."]:
    array: Float32[ndarray, ...] = values.float().cpu().numpy()
    return array


def load_packed(path: Path) -> OneHandRuntime:
    """Load a packed model, onto a GPU where there is one.

    Args:
        path: A file that ``handpose onehand pack`` wrote.

    Returns:
        The model's runtime.

    Raises:
        HandposeError: There is no such file, or it is something else.
    """
    estimator, info = unpack(path)
    return OneHandRuntime(estimator.to(best_device()), info)
