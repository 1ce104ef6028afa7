"""Checkpoints in parts, each a file below some size, for hosts that refuse large files; read as one all the same.

``last.ckpt`` is then a short JSON index, and its parts lie beside it: ``last.ckpt.1f0c9a2e-1of4`` and so on. The index
is written after the parts, and earlier parts are removed after it: whenever writing is interrupted, the index belongs
to parts that are whole.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.utilities.types import _PATH

from handpose_core.errors import HandposeError
from handpose_core.io import atomic
from handpose_core.io.checkpoint_io import StagedCheckpointIO

_KEY = "handpose_checkpoint_parts"
_BEGINNING = json.dumps({_KEY: []})[:-2].encode()
_LEAST_MB = 0.001


class CheckpointParts(StagedCheckpointIO):
    """Write checkpoints in parts where they are larger than a limit, and read those that are in parts.

    Args:
        largest_mb: Size of the largest file, in 10^6 bytes; None writes every checkpoint as one file.

    Raises:
        HandposeError: The limit is not above 0.
    """

    def __init__(self, largest_mb: float | None = None) -> None:
        super().__init__()
        if largest_mb is not None and not largest_mb >= _LEAST_MB:
            raise HandposeError("largest_mb", str(largest_mb), f"at least {_LEAST_MB}, or null", "Correct it.")
        self.largest_mb = largest_mb

    def _write(self, path: Path, content: memoryview) -> None:
        """Write a checkpoint's bytes in parts, where a largest size is given."""
        if self.largest_mb is None:
            super()._write(path, content)
        else:
            write_parts(path, bytes(content), int(self.largest_mb * 1e6))

    def load_checkpoint(
        self, path: _PATH, map_location: Callable[..., Any] | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Load a checkpoint, in parts or not.

        Args:
            path: The checkpoint's, or a URL.
            map_location: As `torch.load` takes it; the CPU by default.
            weights_only: As `torch.load` takes it.

        Returns:
            What was saved.

        Raises:
            HandposeError: A part is missing or damaged.
            FileNotFoundError: There is no such checkpoint.
        """
        to = map_location or (lambda storage, _: storage)
        if "://" in str(path):
            return super().load_checkpoint(path, to, weights_only)
        with as_one_file(Path(path)) as whole:
            return super().load_checkpoint(whole, to, weights_only)

    def remove_checkpoint(self, path: _PATH) -> None:
        """Remove a checkpoint and its parts.

        Args:
            path: The checkpoint's.
        """
        super().remove_checkpoint(path)
        if "://" not in str(path):
            _remove_parts(Path(path), keep=())


def write_parts(path: Path, content: bytes, largest: int) -> None:
    """Write a file whole or not at all, as an index and parts where it is larger than a limit.

    Args:
        path: The file.
        content: What it shall hold.
        largest: Bytes of the largest part.

    Raises:
        OSError: A part cannot be written; an earlier file of that name stays as it was, with its parts.
    """
    if len(content) <= largest:
        atomic.write_bytes(path, content)
        _remove_parts(path, keep=())
        return
    digest, count = hashlib.sha256(content).hexdigest(), -(-len(content) // largest)
    names = [f"{path.name}.{digest[:8]}-{number}of{count}" for number in range(1, count + 1)]
    before = index_of(path)
    try:
        for number, name in enumerate(names):
            atomic.write_bytes(path.with_name(name), content[number * largest : (number + 1) * largest])
        atomic.write_text(path, json.dumps({_KEY: names, "bytes": len(content), "sha256": digest}, indent=None) + "\n")
    except BaseException:
        if index_of(path) == before:
            _remove_parts(path, keep=before[_KEY] if before else ())
        raise
    _remove_parts(path, keep=names)


def index_of(path: Path) -> dict[str, Any] | None:
    """Return what the index of a file in parts says.

    Args:
        path: The file.

    Returns:
        Names of its parts, its size and SHA-256; None where it is no index, or is not there.
    """
    if not path.is_file():
        return None
    with path.open("rb") as file:
        if file.read(len(_BEGINNING)) != _BEGINNING:
            return None
    index: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return index


def read_tensors(path: Path) -> Any:
    """Read a checkpoint, in parts or not, onto the CPU; tensors are mapped into memory, nothing else is unpickled.

    Args:
        path: The checkpoint's.

    Returns:
        What was saved.

    Raises:
        HandposeError: A part is missing or damaged.
        RuntimeError: It is no checkpoint; likewise EOFError, ValueError, OSError and pickle.UnpicklingError.
    """
    with as_one_file(path) as whole:
        return torch.load(whole, map_location="cpu", weights_only=True, mmap=True)


@contextmanager
def as_one_file(path: Path) -> Iterator[Path]:
    """Give a file in parts as one, for as long as it is read; any other file is given as it is.

    Args:
        path: The file, or the index of its parts.

    Yields:
        The file to read.

    Raises:
        HandposeError: A part is missing or damaged.
    """
    index = index_of(path)
    if index is None:
        yield path
        return
    parts = [path.with_name(Path(name).name) for name in index[_KEY]]
    for part in parts:
        if not part.is_file():
            raise HandposeError(
                str(part), "no such file", f"a part of {path.name}, of which there are {len(parts)}",
                f"Copy all of {path.name}* together.",
            )  # fmt: skip
    content = b"".join(part.read_bytes() for part in parts)
    if hashlib.sha256(content).hexdigest() != index["sha256"]:
        raise HandposeError(
            str(path), f"parts of {len(content)} bytes that are not those written with it",
            f"{index['bytes']} bytes with the checksum in it", f"Copy all of {path.name}* again.",
        )  # fmt: skip
    # a file, not memory: Lightning and torch.load(mmap=True) want a path
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        whole = Path(folder) / path.name
        whole.write_bytes(content)
        yield whole


def _remove_parts(path: Path, keep: Collection[str]) -> None:
    """Remove the parts of a file but some."""
    part = re.compile(rf"{re.escape(path.name)}\.[0-9a-f]{{8}}-\d+of\d+")
    for other in path.parent.iterdir():
        if part.fullmatch(other.name) and other.name not in keep:
            other.unlink(missing_ok=True)
