"""Making a dataset: what is there is kept, what is missing is made, and the manifest says what there is."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from handpose_core.datasets.mvhm_layout import FACES, MANIFEST, Split, index_path, read_manifest, shard_path, tar_size
from handpose_core.errors import HandposeError
from handpose_core.io.atomic import write_bytes, write_text
from handpose_core.io.outputs import check_own_folder
from handpose_core.rig import load_rig
from handpose_core.synth.frozen import freeze
from handpose_core.synth.layouts.mvhm import npy_bytes, remove_unfinished
from handpose_mvhm.generate.accept import Accepted
from handpose_mvhm.generate.executors import Executor
from handpose_mvhm.generate.plan import Shard, plan
from handpose_mvhm.generate.recipe import BOTH, TORCH, Recipe
from handpose_mvhm.generate.work import Task

_ONCE_THE_ONLY_ONES = {"renderer": TORCH, "frames": 1, "side": BOTH, "left_out": ""}
"""What recipes in older manifests do not say."""
_LIBRARIES = ("torch", "numpy", "opencv-python-headless")


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        ready: view groups that are there.
        groups: view groups that shall be there.
        found: those that were there already when the run began.
    """

    ready: int
    groups: int
    found: int


def generate(
    root: Path, recipe: Recipe, poses: Accepted, executor: Executor, blender_python: str = sys.executable
) -> Iterator[Progress]:
    """Make a dataset, or go on with one that was begun alike; yields how far it is.

    Args:
        root: its folder; made if it is not there.
        recipe: what its bits depend on.
        poses: to be shown.
        executor: who makes the shards.
        blender_python: a Python with Blender, for recipes that ask for it.

    Raises:
        HandposeError: the folder holds something else or was begun with another recipe, too few images or poses, or
            what the executor raises.
    """
    shards = plan(recipe, poses)
    _claim(root, recipe, poses, shards)
    for split in shards:
        remove_unfinished(root / split)
    waiting = [shard for of_split in shards.values() for shard in of_split if not _is_made(root, shard)]
    total = sum(len(shard.keys) for of_split in shards.values() for shard in of_split)
    found = ready = total - sum(len(shard.keys) for shard in waiting)
    yield Progress(ready, total, found)
    for done in executor.run([Task(root.resolve(), recipe, shard, blender_python) for shard in waiting]):
        ready += done.groups
        yield Progress(ready, total, found)
    if waiting or not read_manifest(root).checksums:
        _finish(root, shards)


def _claim(root: Path, recipe: Recipe, poses: Accepted, shards: Mapping[Split, Sequence[Shard]]) -> None:
    """Write the manifest into a new folder, or see that the one there agrees."""
    if not (root / MANIFEST).is_file():
        check_own_folder(root, MANIFEST, "Choose another folder for the generated data.")
        write_bytes(root / FACES, npy_bytes(load_rig(recipe.rig, recipe.vertices).faces.astype(np.int32)))
        _write(root, _beginning(recipe, poses, shards))
        return
    wanted, begun = asdict(recipe), {**_ONCE_THE_ONLY_ONES, **read_manifest(root).everything["recipe"]}
    different = [key for key, value in wanted.items() if begun.get(key) != value]
    if different:
        raise HandposeError(
            f"{root / MANIFEST}", ", ".join(f"{key} = {begun.get(key)}" for key in different),
            ", ".join(f"{key} = {wanted[key]}" for key in different),
            "Go on with the options it was begun with, or choose another folder.",
        )  # fmt: skip


def _beginning(recipe: Recipe, poses: Accepted, shards: Mapping[Split, Sequence[Shard]]) -> dict[str, Any]:
    """The manifest before anything is made."""
    return {
        "dataset": "MVHM",
        "recipe": asdict(recipe),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "poses": {"given": poses.given, "accepted": len(poses.ids), "rejected": poses.rejects},
        "wanted": {split: sum(len(shard.keys) for shard in own) for split, own in shards.items()},
        "distinct_poses": {
            split: len({i for shard in own for i in shard.ids.tolist()}) for split, own in shards.items()
        },
        "groups": {},
        "images": {},
        "checksums": {},
    }


def _finish(root: Path, shards: Mapping[Split, Sequence[Shard]]) -> None:
    """Count what is there, and keep the checksums of it."""
    manifest = dict(read_manifest(root).everything)
    groups = {split: sum(len(shard.keys) for shard in own) for split, own in shards.items()}
    manifest["groups"] = groups
    manifest["images"] = {split: count * manifest["recipe"]["views"] for split, count in groups.items()}
    manifest["checksums"] = {split: freeze(root, split, _patterns(split)) for split in shards}
    _write(root, manifest)


def _patterns(split: Split) -> list[str]:
    """Glob patterns of a split's files; the faces are everybody's, and go with the training split."""
    return [f"{split}/*", *([FACES] if split == "train" else [])]


def _write(root: Path, manifest: Mapping[str, Any]) -> None:
    write_text(root / MANIFEST, json.dumps(manifest, indent=2) + "\n")


def _is_made(root: Path, shard: Shard) -> bool:
    """Whether a shard is there, whole as far as its size tells."""
    path = shard_path(root, shard.split, shard.number)
    try:
        index = np.load(index_path(path), allow_pickle=False)
        return len(index) == len(shard.keys) and path.stat().st_size == tar_size(index)
    except (OSError, ValueError, EOFError):
        return False
