"""Preparing the parts of a dataset by several processes; after a kill, on where it stopped."""

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import torch

from handpose_core.datamodules.base import HandDataModule
from handpose_core.datamodules.cropped import CroppedClips, CroppedDataset, CroppedViews, read_hand
from handpose_core.datasets.sample import Sample, zero_filled
from handpose_core.errors import HandposeError
from handpose_core.prepare.cut import cut, cut_clip, cut_views
from handpose_core.prepare.manifest import Kind, Manifest, Part, PartName, Recipe, claim
from handpose_core.prepare.shards import Shard, finished_shard, remove_unfinished, write_shard
from handpose_core.synth.provenance import CHECKSUM, generated_record

_KINDS: dict[type[CroppedDataset], Kind] = {CroppedDataset: "images", CroppedClips: "clips", CroppedViews: "views"}
_CUTS: dict[Kind, Callable[[Sample, int, float, float], Sample]] = {
    "images": cut,
    "clips": cut_clip,
    "views": cut_views,
}
_STAGES: dict[PartName, str] = {"train": "fit", "val": "fit", "test": "test"}


@dataclass(frozen=True)
class _Work:
    """What every process needs to make any shard of a part."""

    part: Path
    samples: CroppedDataset
    recipe: Recipe
    kind: Kind

    def positions(self, start: int) -> Sequence[int]:
        return self.samples.indices[start : start + self.recipe.shard]

    def folder(self, start: int) -> Path:
        return self.part / f"{start:07d}"

    def source(self, start: int) -> str:
        """Checksum of the samples' names."""
        names = "\n".join(f"{i} {self.samples.source.where(i)}" for i in self.positions(start))
        return hashlib.sha256(names.encode()).hexdigest()

    def make(self, start: int) -> Shard:
        """Make the shard that begins with a sample, if it is not there."""
        if found := finished_shard(self.folder(start), self.source(start)):
            return found
        samples = [self._cut(i) for i in self.positions(start)]
        return write_shard(self.folder(start), samples, self.source(start), self.recipe.quality)

    def _cut(self, index: int) -> Sample:
        sample, keys = read_hand(self.samples.source, index)
        recipe = self.recipe
        return zero_filled(_CUTS[self.kind](sample, recipe.image_size, recipe.crop_scale, recipe.margin), keys)


def prepare(data: HandDataModule, out: Path, part: PartName, recipe: Recipe, workers: int) -> Iterator[tuple[int, int]]:
    """Prepare one part; yields how many of its samples are ready, of how many.

    Args:
        data: What reads the original.
        out: Folder for the prepared data.
        part: Which part.
        recipe: What the prepared data depend on.
        workers: Processes.

    Raises:
        HandposeError: ``out`` holds something else or cannot be written, or a sample of the original cannot be read.
    """
    manifest = claim(out, recipe)
    record = generated_record(Path(recipe.options["root"])) if "root" in recipe.options else {}
    _check_origin(manifest, out, part, record)
    data.setup(_STAGES[part])
    samples: CroppedDataset = getattr(data, f"{part}_set")
    kind = _KINDS[type(samples)]
    work = _Work(out / part, samples, recipe, kind)
    remove_unfinished(work.part)
    shards: dict[int, Shard] = {}
    yield 0, len(samples)
    for start, shard in _made(work, range(0, len(samples), recipe.shard), workers):
        shards[start] = shard
        yield sum(shard.samples for shard in shards.values()), len(samples)
    rule = data.describe()["crop"].partition(" x ")[0]
    made = Part(kind, rule, {**_choices(data), **record}, tuple(shards[start] for start in sorted(shards)))
    _finish(manifest, out, part, made)


def _made(work: _Work, starts: Sequence[int], workers: int) -> Iterator[tuple[int, Shard]]:
    if min(workers, len(starts)) == 1:  # not worth another process
        for start in starts:
            yield start, work.make(start)
        return
    # Fresh interpreters: a fork would inherit torch's threads half-way through their work.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(starts)), context, _begin, (work,)) as pool:
        jobs = {pool.submit(_make, start): start for start in starts}
        try:
            for job in as_completed(jobs):
                yield jobs[job], job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


_works: list[_Work] = []
"""What this process is to do: set when it begins, so that a dataset's labels are sent to it once."""


def _begin(work: _Work) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    _works.append(work)


def _make(start: int) -> Shard:
    return _works[0].make(start)


def _check_origin(manifest: Manifest, out: Path, part: PartName, record: dict[str, str]) -> None:
    """Validate that a finished part is of the generated data that are there now.

    Raises:
        HandposeError: the original was made again, or the part is of data that did not tell.
    """
    if part not in manifest.parts or not record:
        return
    before = manifest.parts[part].choices.get(CHECKSUM, "unknown")
    if before != record[CHECKSUM]:
        raise HandposeError(
            f"{out}, {part}", f"prepared of data with checksum {before[:16]}",
            f"{record[CHECKSUM][:16]}, that of the data in {manifest.recipe.options['root']} now",
            "Remove the prepared data, or choose another folder for them.",
        )  # fmt: skip


def _choices(data: HandDataModule) -> dict[str, str]:
    """The original's, without those of training, which are made anew with the prepared data."""
    again = ("crop", "held_out", "augmentation")
    return {key: value for key, value in data.describe().items() if key not in again}


def _finish(manifest: Manifest, out: Path, part: PartName, made: Part) -> None:
    latest = claim(out, manifest.recipe)
    replace(latest, parts={**latest.parts, part: made}).write(out)
