"""The suite's own estimator as a `MeshRuntime`: from a packed file, or a checkpoint."""

from pathlib import Path

import torch
from jaxtyping import Float32, Int64
from numpy import ndarray
from torch import Tensor

from handpose_core.estimators.onehand.estimator import HandEstimator
from handpose_core.estimators.onehand.module import OneHandModule
from handpose_core.estimators.onehand.serialization import unpack
from handpose_core.nn.fused import folded
from handpose_core.predict.checkpoint import CheckpointRuntime, best_device
from handpose_core.predict.info import ModelInfo
from handpose_core.predict.runtime import Meshes, Output


class OneHandRuntime(CheckpointRuntime):
    """A trained `HandEstimator` in evaluation.

    Args:
        module: The module, to be written or exported as it is.
        info: Its metadata.

    Attributes:
        onehand: The module.
        running: The estimator that is run, batch norms folded into convolutions.

    Raises:
        HandposeError: The detector or the pose network is untrained.
    """

    def __init__(self, module: OneHandModule, info: ModelInfo) -> None:
        module.check_taught("the model")
        super().__init__(module, info)
        self.onehand = module
        self.running: HandEstimator = folded(module.network)
        self.faces: Int64[ndarray, "f 3"] = module.network.rig.faces.cpu().numpy()

    def run_meshes(
        self, images: Float32[ndarray, "batch 3 s s"], sides: Int64[ndarray, " batch"]
    ) -> tuple[Output, Meshes]:
        """See `handpose_core.predict.runtime.MeshRuntime`."""
        device = self.running.rig.faces.device
        with torch.inference_mode():
            views = self.running(torch.from_numpy(images).to(device))
            found = self.running.decode_with_handedness(views, torch.from_numpy(sides).to(device))
        joints = (found.joints_2d, found.z_rel, found.scores)
        xyz, vertices, right, middle, presence = map(
            _array, (found.xyz, found.vertices, found.right, found.middle, found.presence)
        )
        return Output(*map(_array, joints)), Meshes(
            xyz, vertices, right, found.is_right.cpu().numpy(), middle, presence
        )


def _array(values: Tensor) -> Float32[ndarray, "..."]:
    array: Float32[ndarray, ...] = values.float().cpu().numpy()
    return array


def load_packed(path: Path) -> OneHandRuntime:
    """What ``handpose onehand pack`` wrote, on a GPU where there is one.

    Raises:
        HandposeError: there is no such file, or it is something else.
    """
    module, info = unpack(path)
    return OneHandRuntime(module.to(best_device()), info)
