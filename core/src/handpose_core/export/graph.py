"""What of a trained model is exported: tensors in, tensors out, and what is kept beside them."""

import json
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from handpose_core.estimators.onehand.estimator import HandEstimator
from handpose_core.hand import Side
from handpose_core.predict.info import FACES_KEY, INPUT_IMAGE, INPUT_SIDE, MESH_OUTPUTS, METADATA_KEY, OUTPUTS
from handpose_core.predict.onehand_runtime import OneHandRuntime
from handpose_core.predict.runtime import UNTOLD
from handpose_core.predict.trained import Trained
from handpose_core.training.module import HandPoseModule


class Decoded(nn.Module):
    """A module with its decoder, as tensors in and tensors out.

    Args:
        module: any method's.
        image_size: of its crops, px.
    """

    def __init__(self, module: HandPoseModule, image_size: int) -> None:
        super().__init__()
        self.module, self.image_size = module, image_size

    def forward(self, image: Tensor, side: Tensor | None = None) -> tuple[Tensor, ...]:
        """Joints (px of the crop), depths (lengths of the reference bone) and scores."""
        batch = {INPUT_IMAGE: image} if side is None else {INPUT_IMAGE: image, INPUT_SIDE: side}
        estimate = self.module.decode(self.module(*self.module.inputs(batch)), self.image_size)
        return tuple(getattr(estimate, name) for name in OUTPUTS)


class DecodedHand(nn.Module):
    """The suite's own estimator with its decoder, as tensors in and tensors out.

    Args:
        estimator: Trained.
    """

    def __init__(self, estimator: HandEstimator) -> None:
        super().__init__()
        self.estimator = estimator

    def forward(self, image: Float[Tensor, "batch 3 s s"], side: Int[Tensor, " batch"]) -> tuple[Tensor, ...]:
        """As `Decoded`, then joints and vertices in space, and the side; see `HandEstimate`. Sides may be `UNTOLD`."""
        found = self.estimator.decode_with_handedness(self.estimator(image), side)
        return tuple(getattr(found, name) for name in (*OUTPUTS, *MESH_OUTPUTS))


@dataclass(frozen=True)
class Graph:
    """What is exported.

    Args:
        model: on the CPU, in evaluation.
        inputs: its arguments' names.
        outputs: its results' names.
        metadata: what is kept in the file, by key.
        sides: what the side may be.
    """

    model: nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    metadata: dict[str, str]
    sides: tuple[int, ...] = (Side.LEFT, Side.RIGHT)

    def given(self, images: Tensor, sides: Tensor) -> tuple[Tensor, ...]:
        """What the model takes of these."""
        return (images, sides)[: len(self.inputs)]

    def batched(self) -> tuple[dict[int, torch.export.Dim], ...]:
        """That it takes any number of crops, as the exporters are told it."""
        return ({0: torch.export.Dim("batch", min=1)},) * len(self.inputs)


def graph_of(trained: Trained) -> Graph:
    """What of a trained model is exported; the model is moved to the CPU.

    Args:
        trained: what `handpose_core.predict.trained.load_trained` gives.
    """
    size, metadata = trained.info.image_size, {METADATA_KEY: trained.info.to_json()}
    if isinstance(trained, OneHandRuntime):
        metadata[FACES_KEY] = json.dumps(trained.faces.tolist())
        model, outputs = DecodedHand(trained.estimator.cpu()).eval(), (*OUTPUTS, *MESH_OUTPUTS)
        return Graph(model, (INPUT_IMAGE, INPUT_SIDE), outputs, metadata, (UNTOLD, Side.LEFT, Side.RIGHT))
    inputs = (INPUT_IMAGE, INPUT_SIDE) if trained.info.told_side else (INPUT_IMAGE,)
    return Graph(Decoded(trained.module.cpu(), size).eval(), inputs, OUTPUTS, metadata)
