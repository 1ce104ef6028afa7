"""A trained estimator as a program of torch.export: for PyTorch, without this suite."""

import io
import warnings
from pathlib import Path

import torch
from jaxtyping import Float32, Int64
from numpy import ndarray
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind

from handpose_core.errors import HandposeError
from handpose_core.export.graph import Graph, graph_of
from handpose_core.export.parity import Answers, Exported, probes, write_checked
from handpose_core.predict.trained import Trained


def export_program(trained: Trained, path: Path) -> Exported:
    """Write a model as an exported program, run it, and compare; the file appears only if both agree.

    Args:
        trained: what `handpose_core.predict.trained.load_trained` gives.
        path: the file to write.

    Raises:
        HandposeError: the network cannot be exported, or the answers differ.
    """
    graph = graph_of(trained)

    def run(file: Path, images: Float32[ndarray, "n 3 s s"], sides: Int64[ndarray, " n"]) -> Answers:
        with torch.inference_mode():
            found = torch.export.load(file).module()(*graph.given(torch.from_numpy(images), torch.from_numpy(sides)))
        return {name: values.numpy() for name, values in zip(graph.outputs, found, strict=True)}

    return write_checked(trained, graph, path, _saved(trained, graph), run)


def _saved(trained: Trained, graph: Graph) -> bytes:
    images, sides = (torch.from_numpy(value) for value in probes(graph, trained.info.image_size, 2))
    given, buffer = graph.given(images, sides), io.BytesIO()
    kept = {f"{key}.json": text for key, text in graph.metadata.items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter's remarks on itself
            program = torch.export.export(graph.model, given, dynamic_shapes=graph.batched())
            _drop_unused(program)
            torch.export.save(program, buffer, extra_files=kept)
    except RuntimeError as error:  # what its own errors have in common
        raise HandposeError(
            trained.info.method,
            f"a network that PyTorch does not export ({str(error).strip().partition(chr(10))[0]})",
            "tensors in, tensors out, for any number of pictures",
            "Use the checkpoint itself: handpose predict --checkpoint CKPT",
        ) from error
    return buffer.getvalue()


def _drop_unused(program: ExportedProgram) -> None:
    """Leave out weights that no output comes from, such as a discriminator's."""
    specs = program.graph_signature.input_specs
    inputs = [node for node in program.graph.nodes if node.op == "placeholder"]
    for spec, node in list(zip(specs, inputs, strict=True)):
        if spec.kind in (InputKind.PARAMETER, InputKind.BUFFER) and not node.users and spec.target is not None:
            program.graph.erase_node(node)
            specs.remove(spec)
            program.state_dict.pop(spec.target, None)
    program.graph_module.recompile()
