"""An exported file as a `Runtime`: ONNX Runtime, without torch or Lightning."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.io.foreign import refuse_foreign
from handpose_core.predict.info import (
    FACES_KEY,
    INPUT_IMAGE,
    INPUT_SIDE,
    MESH_OUTPUTS,
    METADATA_KEY,
    OUTPUTS,
    ModelInfo,
    info_from_json,
)
from handpose_core.predict.runtime import UNTOLD, Meshes, Output

INSTALL = "python -m pip install 'handpose-core[onnx]'"


class OnnxRuntime:
    """A model exported by ``handpose export``; `load_exported` makes one.

    Args:
        content: the file's bytes.
        session: onnxruntime's, of them.
        info: what the file says of itself.
    """

    def __init__(self, content: bytes, session: Any, info: ModelInfo) -> None:
        self._content, self._session, self.info = content, session, info
        self._inputs = {value.name for value in session.get_inputs()}

    def __getstate__(self) -> dict[str, Any]:
        """All but the session, which cannot be pickled."""
        return {name: value for name, value in vars(self).items() if name != "_session"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open a session of the file's bytes again."""
        vars(self).update(state, _session=_session("model", state["_content"]))

    def run(self, images: Float32[ndarray, "batch 3 s s"], sides: Int64[ndarray, " batch"]) -> Output:
        """See `Runtime`."""
        return Output(*self._answers(OUTPUTS, images, sides))

    def _answers(
        self, names: Sequence[str], images: Float32[ndarray, "batch 3 s s"], sides: Int64[ndarray, " batch"]
    ) -> list[ndarray]:
        given = {INPUT_IMAGE: images, INPUT_SIDE: sides}
        answers: list[ndarray] = self._session.run(list(names), {name: given[name] for name in self._inputs})
        return answers


class OnnxMeshRuntime(OnnxRuntime):
    """An exported model that finds out the side and gives meshes.

    Args:
        content: see `OnnxRuntime`.
        session: see `OnnxRuntime`.
        info: see `OnnxRuntime`.
        faces: see `handpose_core.predict.runtime.MeshRuntime`.
    """

    def __init__(self, content: bytes, session: Any, info: ModelInfo, faces: Int64[ndarray, "f 3"]) -> None:
        super().__init__(content, session, info)
        self.faces = faces

    def run(self, images: Float32[ndarray, "batch 3 s s"], sides: Int64[ndarray, " batch"]) -> Output:
        """See `Runtime`; this model asks for no side."""
        return super().run(images, np.full_like(sides, UNTOLD))

    def run_meshes(
        self, images: Float32[ndarray, "batch 3 s s"], sides: Int64[ndarray, " batch"]
    ) -> tuple[Output, Meshes]:
        """See `handpose_core.predict.runtime.MeshRuntime`."""
        answers = self._answers((*OUTPUTS, *MESH_OUTPUTS), images, sides)
        return Output(*answers[: len(OUTPUTS)]), Meshes(*answers[len(OUTPUTS) :])


def load_exported(path: Path) -> OnnxRuntime:
    """An exported model, an `OnnxMeshRuntime` where it gives meshes.

    Raises:
        HandposeError: onnxruntime is not installed, or the file is none of ours.
    """
    if not path.is_file():
        raise HandposeError(str(path), "no such file", "an exported model", "Make one: handpose export CKPT OUT.onnx")
    content = path.read_bytes()
    session = _session(str(path), content)
    metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
    if METADATA_KEY not in metadata:
        raise HandposeError(
            str(path),
            f"no metadata '{METADATA_KEY}'",
            "a file that handpose export wrote",
            "Export a checkpoint: handpose export CKPT OUT.onnx",
        )
    info = info_from_json(str(path), metadata[METADATA_KEY])
    given, expected = {value.name for value in session.get_outputs()}, (*OUTPUTS, *MESH_OUTPUTS)
    missing = [name for name in (expected if FACES_KEY in metadata else OUTPUTS) if name not in given]
    if missing:
        raise HandposeError(
            f"{path}, outputs", f"no {', '.join(missing)}", "the outputs of files that this version exports",
            "Export the checkpoint again with this version: handpose export CKPT OUT.onnx",
        )  # fmt: skip
    if FACES_KEY not in metadata:
        return OnnxRuntime(content, session, info)
    return OnnxMeshRuntime(content, session, info, np.array(json.loads(metadata[FACES_KEY]), np.int64))


def _session(where: str, content: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise HandposeError("--runtime onnx", "no onnxruntime", "the extra handpose-core[onnx]", INSTALL) from error
    try:
        return onnxruntime.InferenceSession(content, providers=_providers(onnxruntime))
    except Exception as error:  # onnxruntime's own exceptions have no common class but this
        refuse_foreign(Path(where), "a model that handpose export wrote")
        raise HandposeError(
            where,
            f"a file that ONNX Runtime refuses ({str(error).splitlines()[0]})",
            "a model that handpose export wrote",
            "Export the checkpoint again: it is cut off or something else.",
        ) from error


def _providers(onnxruntime: Any) -> list[str]:
    """A GPU where there is one and onnxruntime is built for it, else the CPU."""
    known = onnxruntime.get_available_providers()
    return [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in known]
