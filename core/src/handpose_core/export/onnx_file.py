"""A checkpoint's estimator as an ONNX file: crop in, joints out, everything needed to use it inside."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from numpy import ndarray
from torch import Tensor, nn

from handpose_core import atomic
from handpose_core.errors import HandposeError
from handpose_core.predict.checkpoint import CheckpointRuntime
from handpose_core.predict.info import INPUT_IMAGE, INPUT_SIDE, METADATA_KEY, OUTPUTS
from handpose_core.predict.onnx_runtime import INSTALL, OnnxRuntime
from handpose_core.training.module import HandPoseModule

OPSET = 18
TOLERANCES = {"joints_2d": 0.02, "z_rel": 1e-3, "scores": 1e-3}
"""Largest differences (px, bone lengths, none) between PyTorch and ONNX Runtime that still count as the same."""
_PROBES = 3


@dataclass(frozen=True)
class Exported:
    """What was written.

    Args:
        path: the file.
        size: bytes.
        differences: the largest of each output between PyTorch and ONNX Runtime, on the probes.
    """

    path: Path
    size: int
    differences: dict[str, float]


class Decoded(nn.Module):
    """A module with its decoder, as tensors in and tensors out.

    Args:
        module: any method's.
        image_size: of its crops, px.
    """

    def __init__(self, module: HandPoseModule, image_size: int) -> None:
        super().__init__()
        self.module, self.image_size = module, image_size

    def forward(self, image: Tensor, side: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Joints (px of the crop), depths (lengths of the reference bone) and scores."""
        batch = {INPUT_IMAGE: image} if side is None else {INPUT_IMAGE: image, INPUT_SIDE: side}
        estimate = self.module.decode(self.module(*self.module.inputs(batch)), self.image_size)
        return estimate.joints_2d, estimate.z_rel, estimate.scores


def export_onnx(trained: CheckpointRuntime, path: Path) -> Exported:
    """Write a model as ONNX, run it by ONNX Runtime, and compare; the file appears only if both agree.

    Args:
        trained: what `handpose_core.predict.checkpoint.load_checkpoint` gives.
        path: the file to write.

    Raises:
        HandposeError: the extra is not installed, the network cannot be exported, or the answers differ.
    """
    content = _converted(trained)
    draft = path.with_name(f".{path.stem}.draft.onnx")
    atomic.write_bytes(draft, content)
    try:
        differences = _differences(trained, OnnxRuntime(draft))
        for name, difference in differences.items():
            if not difference <= TOLERANCES[name]:
                raise HandposeError(
                    f"{path}, {name}",
                    f"a difference of {difference:.2g} between PyTorch and ONNX Runtime",
                    f"at most {TOLERANCES[name]:g}",
                    "Nothing was written. Report this with the recipe of the checkpoint.",
                )
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return Exported(path, len(content), differences)


def _converted(trained: CheckpointRuntime) -> bytes:
    try:
        import onnx
        import onnxscript  # noqa: F401  torch's exporter writes with it
    except ImportError as error:
        raise HandposeError("handpose export", f"no {error.name}", "the extra handpose-core[onnx]", INSTALL) from error
    images, sides = (torch.from_numpy(value) for value in _probes(trained, 2))
    told = trained.info.told_side
    inputs = (images, sides) if told else (images,)
    batch = torch.export.Dim("batch", min=1)
    model: Any = Decoded(trained.module.cpu(), trained.info.image_size).eval()
    try:
        with _quiet_exporter():
            program = torch.onnx.export(
                model,
                inputs,
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=[INPUT_IMAGE, INPUT_SIDE][: len(inputs)],
                output_names=list(OUTPUTS),
                dynamic_shapes=({0: batch},) * len(inputs),
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise HandposeError(
            trained.info.method,
            f"a network that PyTorch does not export ({_reason(error)})",
            "tensors in, tensors out, for any number of pictures",
            "Use the checkpoint itself: handpose predict --checkpoint CKPT",
        ) from error
    assert program is not None  # with dynamo=True there is one
    proto = program.model_proto
    onnx.helper.set_model_props(proto, {METADATA_KEY: trained.info.to_json()})
    content: bytes = proto.SerializeToString()
    return content


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Without the exporter's remarks on itself and on packages that are not needed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _reason(error: BaseException) -> str:
    """The first line of what an exporter's error was raised from: its own says at which of its steps it was."""
    while error.__cause__ is not None:
        error = error.__cause__
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _probes(trained: CheckpointRuntime, count: int) -> tuple[Float32[ndarray, "n 3 s s"], ndarray]:
    """Pictures with large and small structures, drawn alike every time, and sides by turns."""
    rng, size = np.random.default_rng(0), trained.info.image_size
    coarse = rng.random((count, 3, -(-size // 16), -(-size // 16)), dtype=np.float32)
    images = coarse.repeat(16, 2).repeat(16, 3)[..., :size, :size]
    images = np.clip(images + 0.1 * rng.standard_normal(images.shape, dtype=np.float32), 0, 1)
    return images, np.arange(count, dtype=np.int64) % 2


def _differences(trained: CheckpointRuntime, exported: OnnxRuntime) -> dict[str, float]:
    """The largest difference of each output, for another number of pictures than the exporter saw."""
    probes = _probes(trained, _PROBES)
    pairs = zip(trained.run(*probes), exported.run(*probes), strict=True)
    return {name: float(np.abs(a - b).max()) for name, (a, b) in zip(OUTPUTS, pairs, strict=True)}
