"""MVHM: generated multi-view hands with exact meshes (thesis chapter 5), made by ``handpose mvhm generate``."""

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import trimesh
from jaxtyping import Int
from numpy import ndarray
from torch.utils.data import Dataset

from handpose_core.camera import project
from handpose_core.datasets.images import decode
from handpose_core.datasets.labels import image_tensor
from handpose_core.datasets.mvhm_layout import (
    FACES,
    OF_GROUP,
    OF_VIEW,
    SPLITS,
    Split,
    decode_vertices,
    index_path,
    read_manifest,
    shard_path,
    tar_size,
)
from handpose_core.datasets.sample import Sample
from handpose_core.datasets.selection import MISSING, Missing, check_choice, note_missing
from handpose_core.datasets.wrist import WRIST_ROOT
from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS, Side
from handpose_core.io.foreign import recognise_foreign, refuse_foreign

_AGAIN = "Run the same `handpose mvhm generate` again: it makes what is missing."


class MVHM(Dataset[Sample]):
    """One split of generated multi-view hands; a sample is one view, un-cropped.

    Samples have ``image, joints_2d, joints_3d, annotated, visible, K, R, t, depth, mask, side, index, sequence,
    frame, view``, and ``vertices`` where asked for. ``R, t`` map the world, whose origin is the middle of the hand's
    joints, to the camera's frame. ``sequence`` is the group's number, ``frame`` the number of the pose it shows: groups
    may share one, with other hands before other cameras, but only within a split. `Views` puts the views of a group
    together. Groups of a motion have its number as ``sequence`` and poses that follow one another: `Clips` puts them
    together.

    Args:
        root: The folder that ``handpose mvhm generate`` made.
        split: ``train``, ``val`` or ``test``.
        views: Which views of each group, from 0; None for all.
        vertices: Whether samples have ``vertices``.
        missing: What to do while shards are missing: stop, or read the rest and record the others.

    Attributes:
        video_index: Group (of moving hands: motion), pose and view of every sample.
        sequences: The first of these.
        manifest: Of the whole dataset.
        shards: The files that are read.
        missing_shards: How many are not there (above 0 only with missing="skip").

    Raises:
        HandposeError: no such data, a split that is not finished, a shard that is cut short, or no such view.
    """

    def __init__(
        self,
        root: str | Path,
        split: Split,
        views: Sequence[int] | None = None,
        vertices: bool = False,
        missing: Missing = "error",
    ) -> None:
        check_choice("MVHM", "split", split, SPLITS)
        check_choice("MVHM", "missing", missing, MISSING)
        self.root, self.split, self.with_vertices = Path(root), split, vertices
        self.manifest = read_manifest(self.root)
        for view in views or ():
            check_choice("MVHM", "views", view, range(self.manifest.views))
        self.views = tuple(range(self.manifest.views) if views is None else views)
        if not self.views:
            raise HandposeError("MVHM, views", "none", "at least one view", "Name views, or leave the option out.")
        self._read_indices(missing)

    def _read_indices(self, missing: Missing) -> None:
        wanted = self.manifest.wanted.get(self.split, 0)
        shards = [shard_path(self.root, self.split, number) for number in range(-(-wanted // self.manifest.shard))]
        present = [path for path in shards if path.is_file()]
        self.missing_shards = len(shards) - len(present)
        if self.missing_shards and missing == "error":
            raise HandposeError(
                f"{self.root / self.split}", f"{self.missing_shards} of {len(shards)} shards are not there",
                "a finished split", f"{_AGAIN} Or read the rest with missing: skip, recorded with the results.",
            )  # fmt: skip
        if not present:
            raise HandposeError(f"{self.root / self.split}", "no shard", "at least one", _AGAIN)
        lacking = [path.name for path in shards if path not in present]
        note_missing(f"{self.root / self.split}", lacking, len(shards), "shards")
        indices = [_read_index(path) for path in present]
        first = (int(path.stem) * self.manifest.shard for path in present)
        keys = [start + np.arange(len(index)) for start, index in zip(first, indices, strict=True)]
        self._keys = np.concatenate(keys)
        self.shards = tuple(present)
        self._shard = np.repeat(np.arange(len(present)), [len(index) for index in indices])
        self._index = np.concatenate(indices)
        groups = np.stack([self._keys // self.manifest.frames, self._index["pose"]], axis=1)
        views = np.tile(self.views, len(groups))[:, None]
        self.video_index: Int[ndarray, "samples 3"] = np.concatenate([groups.repeat(len(self.views), 0), views], axis=1)
        self.sequences: Int[ndarray, " samples"] = self.video_index[:, 0]

    def __len__(self) -> int:
        return len(self.video_index)

    def where(self, index: int) -> str:
        """The sample's name for messages: its shard, group and view."""
        row, view = index // len(self.views), self.video_index[index, 2]
        return f"{self.shards[self._shard[row]]}, group {self._keys[row]:08d}, view {view}"

    def __getitem__(self, index: int) -> Sample:
        """Read one view.

        Raises:
            HandposeError: a picture or the labels are damaged.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        group, pose, view = self.video_index[index].tolist()
        labels = self._labels(index)
        first = len(OF_GROUP) + len(OF_VIEW) * view
        colour, depth, mask = self._members(index, first, first + len(OF_VIEW))
        where = self.where(index)
        R, t, K = (torch.from_numpy(labels[name][view].copy()) for name in ("R", "t", "K"))
        joints = torch.from_numpy(labels["joints"].copy()) @ R.T + t
        sample = {
            "image": image_tensor(cv2.cvtColor(decode(where, colour, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)),
            "joints_2d": project(joints, K),
            "joints_3d": joints,
            "annotated": torch.ones(N_JOINTS, dtype=torch.bool),
            "visible": torch.from_numpy(labels["visible"][view].copy()),
            "K": K,
            "R": R,
            "t": t,
            "depth": torch.from_numpy(decode(where, depth, cv2.IMREAD_UNCHANGED).astype(np.float32))[None],
            "mask": torch.from_numpy(decode(where, mask, cv2.IMREAD_UNCHANGED) > 0)[None],
            "side": torch.tensor(int(labels["side"])),
            "index": torch.tensor(index),
            "sequence": torch.tensor(group),
            "frame": torch.tensor(pose),
            "view": torch.tensor(view),
        }
        if self.with_vertices:
            sample["vertices"] = torch.from_numpy(decode_vertices(labels["vertices"])) @ R.T + t
        return sample

    def mesh(self, index: int) -> trimesh.Trimesh:
        """The hand of a sample's group as a closed mesh: mm, the world's frame, y down."""
        labels = self._labels(index)
        faces = _load(self.root / FACES, "the faces of the meshes")
        outward = faces if int(labels["side"]) == Side.RIGHT else faces[:, ::-1]
        return trimesh.Trimesh(decode_vertices(labels["vertices"]), outward, process=False)

    def _labels(self, index: int) -> ndarray:
        (content,) = self._members(index, 0, 1)
        try:
            labels: ndarray = np.load(io.BytesIO(content), allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise HandposeError(
                self.where(index), f"labels that cannot be read ({error})", "labels as written", _AGAIN
            ) from error
        return labels

    def _members(self, index: int, first: int, end: int) -> list[bytes]:
        """Contents of some members that lie one after another, in one read."""
        row = index // len(self.views)
        offsets, sizes = self._index[row]["offset"][first:end], self._index[row]["size"][first:end]
        begin = int(offsets[0])
        with self.shards[self._shard[row]].open("rb") as file:
            file.seek(begin)
            content = file.read(int(offsets[-1] + sizes[-1]) - begin)
        return [content[o : o + s] for o, s in zip((offsets - begin).tolist(), sizes.tolist(), strict=True)]

    def describe(self) -> dict[str, str]:
        """The choices a result depends on, as recorded with it."""
        recipe = self.manifest.everything["recipe"]
        return {
            "dataset": f"MVHM {self.split} (poses {recipe['poses']}, seed {recipe['seed']})",
            "frames": str(len(self)),
            "views": ", ".join(map(str, self.views)),
            "missing_shards": str(self.missing_shards),
            "root_joint": WRIST_ROOT,
        }


def _read_index(shard: Path) -> ndarray:
    """A shard's index, once it is seen that the shard is as long as it says.

    Raises:
        HandposeError: there is none, it is damaged, or the shard is cut short.
    """
    path = index_path(shard)
    index = _load(path, "the index of a shard")
    size = tar_size(index)
    if shard.stat().st_size != size:
        if (foreign := recognise_foreign(shard)) is not None and "tar" not in foreign.found:
            raise HandposeError(str(shard), foreign.found, f"a shard of {size} bytes", foreign.fix)
        raise HandposeError(
            str(shard), f"{shard.stat().st_size} bytes", f"{size} bytes, as its index says",
            f"It was cut short: remove it. {_AGAIN}",
        )  # fmt: skip
    return index


def _load(path: Path, expected: str) -> ndarray:
    try:
        array: ndarray = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        refuse_foreign(path, expected)
        raise HandposeError(str(path), f"no readable file ({error})", expected, f"Remove it. {_AGAIN}") from error
    return array
