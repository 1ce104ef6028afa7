"""One shard: a folder of ``.npy`` columns that is there whole or not at all, and says what its files must be."""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.io.checksums import file_checksum
from handpose_core.io.foreign import refuse_foreign
from handpose_core.prepare.pictures import PICTURES, Columns, pack

_DESCRIPTION = "shard.json"
_TEMPORARY = ".tmp"
_SMALL = 4096
"""Bytes; a column this small is read at once."""


@dataclass(frozen=True)
class Shard:
    """What a shard holds.

    Attributes:
        name: Of its folder, below the part's.
        samples: How many.
        source: Checksum of the names of the samples it was made of.
        files: Size (bytes) and SHA-256 of every file.
    """

    name: str
    samples: int
    source: str
    files: dict[str, tuple[int, str]]


def write_shard(folder: Path, samples: Sequence[Sample], source: str, quality: int) -> Shard:
    """Write a shard under a temporary name, then rename it.

    Raises:
        HandposeError: it cannot be written (no space, no permission); nothing of it is left then.
    """
    labels = {
        key: np.stack([sample[key].numpy() for sample in samples]) for key in sorted(samples[0].keys() - set(PICTURES))
    }
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}{_TEMPORARY}")
    try:
        temporary.mkdir(parents=True)
        files = {}
        for name, column in {**labels, **pack(samples, quality)}.items():
            path = temporary / f"{name}.npy"
            np.save(path, column)
            files[path.name] = (path.stat().st_size, file_checksum(path))
        shard = Shard(folder.name, len(samples), source, files)
        (temporary / _DESCRIPTION).write_text(json.dumps(asdict(shard), indent=2) + "\n", "utf-8")
        if folder.exists():  # one that is damaged or of other samples
            shutil.rmtree(folder)
        temporary.rename(folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise cannot_write(folder, error) from error
    return shard


def cannot_write(path: Path, error: OSError) -> HandposeError:
    """What to tell of an output that cannot be written."""
    return HandposeError(
        str(path),
        f"that it cannot be written ({error.strerror or error})",
        "a folder to write to, on a disk with room",
        "Make room or choose another OUT; the same command goes on with what is finished.",
    )


def remove_unfinished(part: Path) -> None:
    """Remove what killed runs left behind under temporary names."""
    for leftover in part.glob(f".*{_TEMPORARY}"):
        shutil.rmtree(leftover)


def finished_shard(folder: Path, source: str) -> Shard | None:
    """The shard that is there already, whole and of these samples; None if it is to be made."""
    try:
        fields = json.loads((folder / _DESCRIPTION).read_bytes())
        shard = Shard(**{**fields, "files": {name: (size, sha) for name, (size, sha) in fields["files"].items()}})
        whole = all(file_checksum(folder / name) == sha for name, (_, sha) in shard.files.items())
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return shard if whole and shard.source == source else None


def map_columns(folder: Path, shard: Shard) -> Columns:
    """The shard's columns, mapped into memory.

    Raises:
        HandposeError: a file is missing or not of the size that was written.
    """
    columns = {}
    for name, (size, _) in shard.files.items():
        path = folder / name
        found = path.stat().st_size if path.is_file() else None
        if found != size:
            refuse_foreign(path, f"a column of {size} bytes")
            raise damaged(path, "no such file" if found is None else f"{found} bytes", f"{size} bytes")
        try:
            # An empty column cannot be mapped.
            columns[path.stem] = np.asarray(np.load(path, mmap_mode="r" if size > _SMALL else None))
        except (OSError, ValueError) as error:
            raise damaged(path, f"a file that numpy does not read ({error})", "the column as it was written") from error
    return columns


def damaged(path: Path, found: str, expected: str) -> HandposeError:
    """What to tell of prepared data that are not as they were written."""
    return HandposeError(
        str(path), found, expected, "Run the same `handpose data prepare` again: it makes damaged shards anew."
    )
