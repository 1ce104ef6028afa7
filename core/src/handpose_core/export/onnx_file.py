"""A trained estimator as an ONNX file: crop in, joints out, everything needed to use it inside."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float32, Int64
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.export.graph import Graph, graph_of
from handpose_core.export.parity import Answers, Exported, answers, probes, write_checked
from handpose_core.predict.onnx_runtime import INSTALL, load_exported
from handpose_core.predict.trained import Trained

OPSET = 18


def export_onnx(trained: Trained, path: Path) -> Exported:
    """Write a model as ONNX, run it by ONNX Runtime, and compare; the file appears only if both agree.

    Args:
        trained: what `handpose_core.predict.trained.load_trained` gives.
        path: the file to write.

    Raises:
        HandposeError: the extra is not installed, the network cannot be exported, or the answers differ.
    """
    graph = graph_of(trained)
    return write_checked(trained, graph, path, _converted(trained, graph), _run)


def _run(path: Path, images: Float32[ndarray, "n 3 s s"], sides: Int64[ndarray, " n"]) -> Answers:
    return answers(load_exported(path), images, sides)


def _converted(trained: Trained, graph: Graph) -> bytes:
    try:
        import onnx
        import onnxscript  # noqa: F401  torch's exporter writes with it
    except ImportError as error:
        raise HandposeError("handpose export", f"no {error.name}", "the extra handpose-core[onnx]", INSTALL) from error
    images, sides = (torch.from_numpy(value) for value in probes(graph, trained.info.image_size, 2))
    model: Any = graph.model
    try:
        with _quiet_exporter():
            program = torch.onnx.export(
                model,
                graph.given(images, sides),
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=list(graph.inputs),
                output_names=list(graph.outputs),
                dynamic_shapes=graph.batched(),
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
    onnx.helper.set_model_props(proto, graph.metadata)
    content: bytes = proto.SerializeToString()
    return content


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Without the exporter's remarks on itself and on packages that are not needed."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _reason(error: BaseException) -> str:
    """The first line of what an exporter's error was raised from: its own says at which of its steps it was."""
    while error.__cause__ is not None:
        error = error.__cause__
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
