"""Objects with many tensors as one flat tensor and a few bytes: one hand-over from a loader worker, one copy to a GPU.

A tensor on its own takes a file descriptor between processes, and a transfer to a GPU each; a batch of scenes has
hundreds of them.
"""

import io
import pickle
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

_ALIGNMENT = 16
"""Bytes; where a tensor may begin."""


class _Pickler(pickle.Pickler):
    """Keeps tensors aside, and writes where they will lie."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.parts: list[Tensor] = []
        self._end = 0

    def persistent_id(self, obj: Any) -> tuple[int, torch.dtype, tuple[int, ...]] | None:
        if not isinstance(obj, Tensor):
            return None
        begin, content = self._end, obj.detach().contiguous().flatten().view(torch.uint8)
        self.parts += [content, content.new_zeros(-len(content) % _ALIGNMENT)]
        self._end += sum(map(len, self.parts[-2:]))
        return begin, obj.dtype, tuple(obj.shape)


class _Unpickler(pickle.Unpickler):
    """Takes tensors from where they lie."""

    def __init__(self, file: io.BytesIO, tensors: UInt8[Tensor, " bytes"]) -> None:
        super().__init__(file)
        self._tensors = tensors

    def persistent_load(self, pid: tuple[int, torch.dtype, tuple[int, ...]]) -> Tensor:
        begin, dtype, shape = pid
        count = dtype.itemsize * torch.Size(shape).numel()
        return self._tensors[begin : begin + count].view(dtype).view(shape)


def pack(content: Any) -> tuple[bytes, UInt8[Tensor, " bytes"]]:
    """Take the tensors out of an object.

    Args:
        content: Anything that can be pickled, with tensors on the CPU anywhere in it.

    Returns:
        Tuple ``(form, tensors)``: the object without its tensors, and these, one after the other.
    """
    file = io.BytesIO()
    pickler = _Pickler(file)
    pickler.dump(content)
    return file.getvalue(), torch.cat(pickler.parts) if pickler.parts else torch.zeros(0, dtype=torch.uint8)


def unpack(form: bytes, tensors: UInt8[Tensor, " bytes"]) -> Any:
    """Put together what `pack` has taken apart; for what this program packed itself, as any pickle.

    Args:
        form: The object without its tensors.
        tensors: These, on any device.

    Returns:
        The object; its tensors share the memory of ``tensors``, and lie on the same device.
    """
    return _Unpickler(io.BytesIO(form), tensors).load()
