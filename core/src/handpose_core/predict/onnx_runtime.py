"""An exported file as a `Runtime`: ONNX Runtime, without torch or Lightning."""

from pathlib import Path
from typing import Any

from jaxtyping import Float32, Int64
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.predict.info import INPUT_IMAGE, INPUT_SIDE, METADATA_KEY, OUTPUTS, info_from_json
from handpose_core.predict.runtime import Output

INSTALL = "python -m pip install 'handpose-core[onnx]'"


class OnnxRuntime:
    """A model exported by ``handpose export``.

    Args:
        path: the file.

    Raises:
        HandposeError: onnxruntime is not installed, or the file is none of ours.
    """

    def __init__(self, path: Path) -> None:
        self._session = _session(path)
        metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        if METADATA_KEY not in metadata:
            raise HandposeError(
                str(path),
                f"no metadata '{METADATA_KEY}'",
                "a file that handpose export wrote",
                "Export a checkpoint: handpose export CKPT OUT.onnx",
            )
        self.info = info_from_json(str(path), metadata[METADATA_KEY])

    def run(self, images: Float32[ndarray, "batch 3 s s"], sides: Int64[ndarray, " batch"]) -> Output:
        """See `Runtime`."""
        inputs = {INPUT_IMAGE: images, **({INPUT_SIDE: sides} if self.info.told_side else {})}
        return Output(*self._session.run(list(OUTPUTS), inputs))


def _session(path: Path) -> Any:
    if not path.is_file():
        raise HandposeError(str(path), "no such file", "an exported model", "Make one: handpose export CKPT OUT.onnx")
    try:
        import onnxruntime
    except ImportError as error:
        raise HandposeError("--runtime onnx", "no onnxruntime", "the extra handpose-core[onnx]", INSTALL) from error
    try:
        return onnxruntime.InferenceSession(path, providers=_providers(onnxruntime))
    except Exception as error:  # onnxruntime's own exceptions have no common class but this
        raise HandposeError(
            str(path),
            f"a file that ONNX Runtime refuses ({str(error).splitlines()[0]})",
            "a model that handpose export wrote",
            "Export the checkpoint again: it is cut off or something else.",
        ) from error


def _providers(onnxruntime: Any) -> list[str]:
    """A GPU where there is one and onnxruntime is built for it, else the CPU."""
    known = onnxruntime.get_available_providers()
    return [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in known]
