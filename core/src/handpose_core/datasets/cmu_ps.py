"""CMU-PS, the CMU Panoptic Studio hands (Simon et al. 2017): photographs of one labelled hand each, in 2D only."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float64
from numpy import ndarray
from torch.utils.data import Dataset

from handpose_core.datasets.cmu_ps_layout import (
    COUNTS,
    JOINTS_FIELD,
    LIST_FIELD,
    LIST_JOINTS_FIELD,
    PARTS,
    PATH_FIELD,
    SIDE_FIELD,
    Part,
    annotation_path,
    image_path,
    list_path,
    picture,
    side_of,
    split_joints,
)
from handpose_core.datasets.images import read_rgb
from handpose_core.datasets.labels import image_tensor
from handpose_core.datasets.parsing import field, kind, numbers, read_json, without_unflagged
from handpose_core.datasets.sample import Sample
from handpose_core.datasets.selection import MISSING, Missing, check_choice, select, wrong_root
from handpose_core.datasets.wrist import WRIST_ROOT
from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS
from handpose_core.io.image_files import visible_names

_LONGEST_PATH = 255
"""Characters; file systems refuse longer names."""


class CMUPS(Dataset[Sample]):
    """One part of CMU-PS in the authors' layout; a sample is one hand in its photograph, un-cropped.

    Samples have ``image, joints_2d, annotated, visible, index``, and ``side`` in the manual parts (hands_v143 does not
    say it). There are no 3D joints and no intrinsics. ``annotated`` are the joints whose label is valid, and so are
    ``visible``: the authors make no difference.

    Args:
        root: The folder that holds the parts: ``manual_train/``, ``manual_test/``, ``hands_v143_14817.json``.
        part: Which of them. The author of the thesis evaluated on ``manual_train``, its text says ``manual_test``.
        missing: What to do when files are missing: stop, or read the rest and record the others.
        exclude: Hands to leave out on purpose, named as ``manual_train/000015774_01_l``.

    Attributes:
        names: Of every sample.
        pictures: The photograph of every sample; two hands can be of one.
        selection: What was read, missing and excluded.

    Raises:
        HandposeError: a wrong root, a damaged list, missing files, no hand left.
    """

    def __init__(self, root: str | Path, part: Part, missing: Missing = "error", exclude: Collection[str] = ()) -> None:
        check_choice("CMU-PS", "part", part, PARTS)
        check_choice("CMU-PS", "missing", missing, MISSING)
        self.root, self.part = Path(root), part
        listed, rows = self._list_entries() if part == "hands_v143" else (self._list_pairs(), None)
        names = [f"{part}/{name}" for name in listed]
        absent = {i: path for i, name in enumerate(listed) if (path := self._first_absent(name))}
        self.selection = select(f"{self.root}, {part}", names, absent, missing, exclude)
        kept = list(self.selection.kept)
        self._stems = [listed[i] for i in kept]
        self._rows = None if rows is None else rows[kept]
        self.names = tuple(names[i] for i in kept)
        self.pictures = tuple(picture(stem) if rows is None else stem for stem in self._stems)

    def _list_pairs(self) -> list[str]:
        """Names of the hands of a manual part."""
        files = visible_names(self.root / self.part)
        self._present = files
        stems = sorted({Path(name).stem for name in files if name.lower().endswith((".jpg", ".json"))})
        if not stems:
            raise wrong_root(
                self.root,
                f"CMU-PS's layout: {self.part}/000015774_01_l.jpg and .json, {COUNTS[self.part]} pairs",
                "Point root at the folder that holds manual_train/ and manual_test/ (hand_labels).",
            )
        return stems

    def _list_entries(self) -> tuple[list[str], Float64[ndarray, "hands 21 3"]]:
        """Image paths and joints of hands_v143."""
        path = list_path(self.root)
        if not path.is_file():
            layout = f"CMU-PS's layout: {path.name} and the images it lists"
            raise wrong_root(self.root, layout, "Point root at the folder that holds it (hand143_panopticdb).")
        entries = field(str(path), read_json(path), LIST_FIELD)
        if not isinstance(entries, list) or not entries:
            raise HandposeError(f"{path}, {LIST_FIELD}", kind(entries), "a list of hands", "Get the file again.")
        names, rows = [], []
        for i, entry in enumerate(entries):
            where = f"{path}, {LIST_FIELD}[{i}]"
            names.append(_image_name(where, field(where, entry, PATH_FIELD)))
            rows.append(field(where, entry, LIST_JOINTS_FIELD))
        where = f"{path}, {LIST_FIELD}[...].{LIST_JOINTS_FIELD}"
        return names, numbers(where, [without_unflagged(hand) for hand in rows], (len(names), N_JOINTS, 3))

    def _image(self, stem: str) -> Path:
        return self.root / stem if self.part == "hands_v143" else image_path(self.root, self.part, stem)

    def _first_absent(self, stem: str) -> Path | None:
        if self.part == "hands_v143":
            return None if self._image(stem).is_file() else self._image(stem)
        pair = (annotation_path(self.root, self.part, stem), image_path(self.root, self.part, stem))
        return next((path for path in pair if path.name not in self._present), None)

    def __len__(self) -> int:
        return len(self.names)

    def where(self, index: int) -> str:
        """The sample's name for messages: its folder and name, as `exclude` takes it."""
        return f"{self.root}, {self.names[index]}"

    def __getitem__(self, index: int) -> Sample:
        """Read one hand.

        Raises:
            HandposeError: the image or the annotation is damaged, or no joint is annotated.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        side: Sample = {}
        if self._rows is None:
            rows, is_left = _read_annotation(annotation_path(self.root, self.part, self._stems[index]))
            side = {"side": torch.tensor(int(side_of(is_left)))}
        else:
            rows = self._rows[index]
        pixels, valid = split_joints(rows)
        if not valid.any():
            raise HandposeError(
                self.where(index), "no valid joint", "at least one", "Name this hand under `exclude` to leave it out."
            )
        return {
            "image": image_tensor(read_rgb(self._image(self._stems[index]))),
            "joints_2d": torch.from_numpy(pixels),
            "annotated": torch.from_numpy(valid),
            "visible": torch.from_numpy(valid.copy()),
            **side,
            "index": torch.tensor(index),
        }

    def describe(self) -> dict[str, str]:
        """The choices a result depends on, as recorded with it."""
        return {"dataset": f"CMU-PS {self.part}", **self.selection.describe(), "root_joint": WRIST_ROOT}


def _read_annotation(path: Path) -> tuple[Float64[ndarray, "21 3"], float]:
    """Joints with their validity, and whether it is a left hand, of a hand's JSON."""
    content = read_json(path)
    given = without_unflagged(field(str(path), content, JOINTS_FIELD))
    rows = numbers(f"{path}, {JOINTS_FIELD}", given, (N_JOINTS, 3))
    is_left = field(str(path), content, SIDE_FIELD)
    if is_left not in (0, 1):
        raise HandposeError(f"{path}, {SIDE_FIELD}", repr(is_left)[:60], "0 or 1", "Correct it, or get the file again.")
    return rows, float(is_left)


def _image_name(where: str, path: Any) -> str:
    """An image's path below the root; nothing outside of it is read."""
    below = isinstance(path, str) and not Path(path).is_absolute() and ".." not in Path(path).parts
    if not below or not path.isprintable() or len(path) > _LONGEST_PATH:
        raise HandposeError(
            f"{where}, {PATH_FIELD}", repr(path)[:60], "a path below the list's folder", "Get the file again."
        )
    return str(path)
