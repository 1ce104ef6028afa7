"""Making a synthetic dataset on disk: by processes, the same bits however it is split up, and on again after a kill.

Frames are made in chunks. A chunk's images are written first, then its annotations as one part file; a chunk whose
part is there is finished. When all are, the parts become the dataset's annotation file and are removed.
"""

import json
import multiprocessing
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from handpose_core import __version__
from handpose_core.atomic import write_bytes, write_text
from handpose_core.datasets.rhd_layout import SIZE, Split
from handpose_core.errors import HandposeError
from handpose_core.synth.backgrounds import FolderBackground
from handpose_core.synth.layouts.rhd import annotation, frame_is_written, write_annotations, write_frame
from handpose_core.synth.layouts.rhd_frame import rhd_frame
from handpose_core.synth.source import SourceLook
from handpose_core.synth.target import TargetLook
from handpose_core.synth.world import World

CHUNK = 16
"""Frames made together; part of what fixes their bits, so it is no option."""
MANIFEST = "synth.json"
WorldName = Literal["source", "target"]


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
class _Chunk:
    root: Path
    split: Split
    numbers: tuple[int, ...]

    @property
    def part(self) -> Path:
        return self.root / self.split / ".parts" / f"{self.numbers[0]:05d}-{len(self.numbers):02d}.npz"

    def is_made(self) -> bool:
        return self.part.is_file() and all(frame_is_written(self.root, self.split, n) for n in self.numbers)


def generate(root: Path, split: Split, frames: int, recipe: Recipe, workers: int) -> Iterator[int]:
    """Make one split of a dataset; yields how many of its frames are ready, as they become so.

    Args:
        root: the dataset's folder; made if it is not there.
        split: which part of it.
        frames: how many frames it shall have, numbered from 0.
        recipe: what the frames depend on.
        workers: processes that make frames.

    Raises:
        HandposeError: the folder holds something else, or was begun with another recipe.
    """
    _claim(root, recipe)
    chunks = [_Chunk(root, split, tuple(range(start, min(start + CHUNK, frames)))) for start in range(0, frames, CHUNK)]
    if _is_complete(root, split, frames):
        yield frames
        return
    waiting = [chunk for chunk in chunks if not chunk.is_made()]
    ready = frames - sum(len(chunk.numbers) for chunk in waiting)
    yield ready
    # fresh interpreters: a fork would inherit torch's threads half-way through their work
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, max(1, len(waiting))), context) as pool:
        jobs = {pool.submit(_make_chunk, chunk, recipe): chunk for chunk in waiting}
        try:
            for job in as_completed(jobs):
                job.result()
                ready += len(jobs[job].numbers)
                yield ready
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    _finish(root, split, chunks)


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
    found = json.loads(manifest.read_text())
    different = {key: found.get(key) for key, value in asdict(recipe).items() if found.get(key) != value}
    if different:
        raise HandposeError(
            f"{manifest}", ", ".join(f"{key} = {value}" for key, value in different.items()),
            ", ".join(f"{key} = {asdict(recipe)[key]}" for key in different),
            "Go on with the options it was begun with, or choose another folder.",
        )  # fmt: skip


def _is_complete(root: Path, split: Split, frames: int) -> bool:
    """Whether the split was finished with this many frames and all its images are still there."""
    finished = json.loads((root / MANIFEST).read_text()).get("frames", {}).get(split)
    return finished == frames and all(frame_is_written(root, split, number) for number in range(frames))


def _finish(root: Path, split: Split, chunks: list[_Chunk]) -> None:
    """Gather the parts into the annotation file."""
    annotations = {}
    for chunk in chunks:
        with np.load(chunk.part) as part:
            for i, number in enumerate(chunk.numbers):
                annotations[number] = {name: part[name][i] for name in ("uv_vis", "xyz", "K")}
    write_annotations(root, split, annotations)
    manifest = json.loads((root / MANIFEST).read_text())
    manifest["frames"] = manifest.get("frames", {}) | {split: len(annotations)}
    write_text(root / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    shutil.rmtree(root / split / ".parts")


@cache
def _world(name: WorldName, backgrounds: str | None) -> World:
    """One world a process: building it costs more than a chunk."""
    torch.set_num_threads(1)
    return World(TargetLook() if name == "target" else _source_look(backgrounds), (SIZE, SIZE))


def _source_look(backgrounds: str | None) -> SourceLook:
    return SourceLook(FolderBackground(backgrounds) if backgrounds else None)


def _make_chunk(chunk: _Chunk, recipe: Recipe) -> None:
    made = _world(recipe.world, recipe.backgrounds).frames(recipe.seed, chunk.split, chunk.numbers)
    frames = [rhd_frame(frame) for frame in made]
    for number, frame in zip(chunk.numbers, frames, strict=True):
        write_frame(chunk.root, chunk.split, number, frame)
    rows = [annotation(frame) for frame in frames]
    buffer = BytesIO()
    arrays: dict[str, Any] = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    np.savez(buffer, **arrays)
    write_bytes(chunk.part, buffer.getvalue())
