"""Making a synthetic dataset on disk: by processes, the same bits however it is split up, and on again after a kill.

Frames are made in chunks. A chunk's images are written first, then its annotations as one part file; a chunk whose
part is there is finished. When all are, the parts become the dataset's annotation files and are removed, and the
checksums of all files are kept (`handpose_core.synth.frozen`).
"""

import json
import multiprocessing
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy import ndarray

from handpose_core import __version__
from handpose_core.errors import HandposeError
from handpose_core.io.atomic import write_bytes, write_text
from handpose_core.synth.frozen import freeze, listed

CHUNK = 16
"""Frames made together; part of what fixes their bits, so it is no option."""
MANIFEST = "synth.json"
_PARTS = ".parts"
WorldName = Literal["source", "target"]
Annotations = Mapping[str, ndarray]
"""Arrays with the frame as their first axis."""


@dataclass(frozen=True)
class Recipe:
    """What the frames of a dataset depend on; stored with it, and a later run must agree.

    Attributes:
        like: whose layout is written.
        world: which world the frames show.
        seed: of everything drawn.
        backgrounds: a folder of pictures, or None for made-up backgrounds.
        version: of handpose-core.
    """

    like: str = "rhd"
    world: WorldName = "source"
    seed: int = 0
    backgrounds: str | None = None
    version: str = __version__


@dataclass(frozen=True)
class Chunk:
    """Consecutive frames of one part of a dataset (a split, or a sequence)."""

    part: str
    numbers: tuple[int, ...]

    def file(self, root: Path) -> Path:
        """Where the chunk's annotations wait for the others."""
        return root / _PARTS / self.part / f"{self.numbers[0]:05d}-{len(self.numbers):02d}.npz"


@dataclass(frozen=True)
class Twin(ABC):
    """Synthetic data in one dataset's own layout. It is pickled to reach the processes that make frames.

    Attributes:
        recipe: what the frames depend on.
    """

    recipe: Recipe

    @abstractmethod
    def parts(self, frames: int) -> dict[str, int]:
        """The dataset's splits or sequences, and how many frames each has for the number asked for."""

    @abstractmethod
    def is_written(self, root: Path, part: str, number: int) -> bool:
        """Whether all images of a frame are there."""

    @abstractmethod
    def make(self, root: Path, part: str, numbers: Sequence[int]) -> Annotations:
        """Write the images of some frames; what the annotation files need of them."""

    @abstractmethod
    def finish(self, root: Path, part: str, annotations: Annotations) -> None:
        """Write a part's annotation files, once all its frames are made."""

    @abstractmethod
    def patterns(self, part: str) -> Sequence[str]:
        """Glob patterns, below the root, of all files of a part and of no other."""


def generate(twin: Twin, root: Path, part: str, frames: int, workers: int) -> Iterator[int]:
    """Make one part of a dataset; yields how many of its frames are ready, as they become so.

    Args:
        twin: what to make.
        root: the dataset's folder; made if it is not there.
        part: which split or sequence of it.
        frames: how many frames it shall have, numbered from 0.
        workers: processes that make frames.

    Raises:
        HandposeError: the folder holds something else, or was begun with another recipe.
    """
    _claim(root, twin.recipe)
    if _is_complete(twin, root, part, frames):
        yield frames
        return
    starts = range(0, frames, CHUNK)
    chunks = [Chunk(part, tuple(range(start, min(start + CHUNK, frames)))) for start in starts]
    waiting = [chunk for chunk in chunks if not _is_made(twin, root, chunk)]
    ready = frames - sum(len(chunk.numbers) for chunk in waiting)
    yield ready
    # fresh interpreters: a fork would inherit torch's threads half-way through their work
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, max(1, len(waiting))), context, _one_thread) as pool:
        jobs = {pool.submit(_make_chunk, twin, root, chunk): chunk for chunk in waiting}
        try:
            for job in as_completed(jobs):
                job.result()
                ready += len(jobs[job].numbers)
                yield ready
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    _finish(twin, root, chunks)


def read_manifest(root: Path) -> dict[str, Any]:
    """What a folder of synthetic data keeps: its recipe, and frames and checksums of each finished part.

    Raises:
        HandposeError: there is none, or it is damaged.
    """
    path = root / MANIFEST
    try:
        manifest = json.loads(path.read_text("utf-8"))
        tables = [manifest.get(name, {}) for name in ("frames", "checksums")]
        if all(isinstance(table, dict) for table in tables):
            return dict(manifest)
        found = "a file in which frames or checksums are no table"
    except (OSError, ValueError, AttributeError) as error:
        found = f"a file that is no manifest ({error})"
    raise HandposeError(str(path), found, "the manifest as it was written", "Make the data anew into another folder.")


def is_unfinished(root: Path) -> bool:
    """Whether a part is being made, or was when the making was interrupted."""
    return (root / _PARTS).exists()


def _one_thread() -> None:
    torch.set_num_threads(1)


def _make_chunk(twin: Twin, root: Path, chunk: Chunk) -> None:
    arrays: dict[str, Any] = dict(twin.make(root, chunk.part, chunk.numbers))
    buffer = BytesIO()
    np.savez(buffer, **arrays)
    write_bytes(chunk.file(root), buffer.getvalue())


def _claim(root: Path, recipe: Recipe) -> None:
    """Write the manifest into a new folder, or see that the one there agrees."""
    manifest = root / MANIFEST
    if not manifest.is_file():
        if root.exists() and any(root.iterdir()):
            raise HandposeError(
                f"{root}", "a folder with other files in it", f"an empty or new folder, or one with a {MANIFEST}",
                "Choose another folder for the synthetic data.",
            )  # fmt: skip
        write_text(manifest, json.dumps(asdict(recipe), indent=2) + "\n")
        return
    found = read_manifest(root)
    different = {key: found.get(key) for key, value in asdict(recipe).items() if found.get(key) != value}
    if different:
        raise HandposeError(
            f"{manifest}", ", ".join(f"{key} = {value}" for key, value in different.items()),
            ", ".join(f"{key} = {asdict(recipe)[key]}" for key in different),
            "Go on with the options it was begun with, or choose another folder.",
        )  # fmt: skip


def _is_made(twin: Twin, root: Path, chunk: Chunk) -> bool:
    return chunk.file(root).is_file() and all(twin.is_written(root, chunk.part, n) for n in chunk.numbers)


def _is_complete(twin: Twin, root: Path, part: str, frames: int) -> bool:
    """Whether the part was finished with this many frames and all its files are still there."""
    finished = read_manifest(root).get("frames", {}).get(part)
    if finished != frames or not all(path.is_file() for path in listed(root, part)):
        return False
    return all(twin.is_written(root, part, number) for number in range(frames))


def _finish(twin: Twin, root: Path, chunks: list[Chunk]) -> None:
    """Gather the chunks' annotations into the dataset's own files."""
    parts = [dict(np.load(chunk.file(root))) for chunk in chunks]
    name = chunks[0].part
    twin.finish(root, name, {key: np.concatenate([part[key] for part in parts]) for key in parts[0]})
    manifest = read_manifest(root)
    manifest["frames"] = manifest.get("frames", {}) | {name: sum(len(chunk.numbers) for chunk in chunks)}
    manifest["checksums"] = manifest.get("checksums", {}) | {name: freeze(root, name, twin.patterns(name))}
    write_text(root / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    shutil.rmtree(root / _PARTS / name)
    if not any((root / _PARTS).iterdir()):
        (root / _PARTS).rmdir()
