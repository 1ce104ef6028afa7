"""Any folder of images, or any video, with labels or without: one's own captures, and samples of other datasets."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int
from numpy import ndarray
from torch.utils.data import Dataset

from handpose_core.datasets.folder_frames import frames_of
from handpose_core.datasets.folder_labels import FLAGS, PER_JOINT, FolderLabels, pictures_of, read_labels
from handpose_core.datasets.labels import image_tensor, labels_3d, without_unlabelled
from handpose_core.datasets.sample import Sample
from handpose_core.datasets.selection import MISSING, Missing, check_choice, note_once, select
from handpose_core.datasets.wrist import NO_ROOT, PALM_ROOT, WRIST_ROOT
from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_ORDERS, N_JOINTS, PALM_ORDERS, Side
from handpose_core.io.image_files import left_out_note
from handpose_core.io.video_access import VideoFrames

SideName = Literal["left", "right"]
LABELS_FILE = "labels.npz"


class Folder(Dataset[Sample]):
    """The images of a folder or the frames of a video; a sample is one of them, un-cropped.

    Samples have ``image, index, sequence`` (0) and ``frame`` (its position), and what the labels give: ``joints_2d,
    joints_3d, annotated, visible, K, side``. 3D joints without 2D ones are projected by K. Joints are annotated and
    visible where no label says otherwise; those that are not annotated may be anything in the file, NaN too, and are 0
    in the sample.

    Args:
        root: A folder with images in it or in its ``images/``, or a video file.
        labels: ``auto`` (``labels.npz`` in the folder, where there is one), ``none``, or a file, from the folder:
            ``.npz`` with arrays out of `folder_labels.SHAPES`, one row a picture; or a COCO-style ``.json``, a sample
            an annotation.
        order: The order of the labels' joints, a name out of `handpose_core.hand.JOINT_ORDERS`.
        side: Which hand it is, where the labels do not say.
        missing: What to do when labelled images are missing, or frames of a video do not decode: stop, or read the
            rest and record the others.
        exclude: Pictures to leave out on purpose, by file name, or by number in a video.

    Attributes:
        names: The picture of every sample.
        left_out: Other files beside the images by name, and why each is none; said once when the folder is opened.
        selection: What was read, missing and excluded.
        video_index: Sequence (0), frame and view (0) of every sample.
        sequences: The first of these.

    Raises:
        HandposeError: no images, damaged labels, missing images, no image left.
    """

    def __init__(
        self,
        root: str | Path,
        labels: str = "auto",
        order: str = "canonical",
        side: SideName | None = None,
        missing: Missing = "error",
        exclude: Collection[str] = (),
    ) -> None:
        check_choice("folder", "order", order, tuple(JOINT_ORDERS))
        check_choice("folder", "side", side, ("left", "right", None))
        check_choice("folder", "missing", missing, MISSING)
        self.root, self.order, self.side = Path(root), order, side
        self._frames = frames_of(self.root)
        self._labels = self._read_labels(labels)
        positions = pictures_of(self._labels, self._frames.names)
        self.left_out = {name: why for name, why in self._frames.left_out.items() if name not in self._companions()}
        if note := left_out_note(self.left_out):
            note_once(f"{self._frames.folder}: {note}")
        self._check_frames(missing, exclude)
        lacking = (positions < 0) | np.isin(positions, list(self._frames.missing))
        absent = {i: self._frames.folder / self._labels.names[i] for i in np.flatnonzero(lacking).tolist()}
        self.selection = select(str(self.root), self._labels.names, absent, missing, exclude)
        kept = np.array(self.selection.kept)
        self._rows = {name: self._in_order(name, rows)[kept] for name, rows in self._labels.rows.items()}
        self.names = tuple(self._labels.names[i] for i in kept)
        zeros = np.zeros(len(kept), np.int64)
        self.video_index: Int[ndarray, "samples 3"] = np.stack([zeros, positions[kept], zeros], axis=1)
        self.sequences: Int[ndarray, " samples"] = zeros

    def _check_frames(self, missing: Missing, exclude: Collection[str]) -> None:
        """Refuse a video with frames that do not decode, unless they are to be left out."""
        frames = self._frames
        if missing == "error" and isinstance(frames, VideoFrames) and {str(n) for n in frames.missing} - set(exclude):
            raise HandposeError(
                f"{self.root}, frames {frames.missing_frames()}",
                f"{len(frames.missing)} of {len(frames.names)} frames that are missing, damaged or cut off",
                "frames that decode",
                "Get the file again, or read the rest with missing: skip, which is recorded with the results.",
            )

    def _read_labels(self, labels: str) -> FolderLabels:
        folder = self.root if self.root.is_dir() else self.root.parent
        path = {"auto": self.root / LABELS_FILE, "none": None}.get(labels, folder / labels)
        if path is None or (labels == "auto" and not path.is_file()):
            return FolderLabels(None, self._frames.names, {})
        return read_labels(path, self._frames.names)

    def _companions(self) -> set[str]:
        """Names of files of labels, which lie beside images and are none."""
        return {LABELS_FILE, *([self._labels.path.name] if self._labels.path else [])}

    def _in_order(self, name: str, rows: ndarray) -> ndarray:
        return rows[:, JOINT_ORDERS[self.order]] if name in PER_JOINT else rows

    def __len__(self) -> int:
        return len(self.names)

    def where(self, index: int) -> str:
        """The sample's name for messages: its folder and picture, as `exclude` takes it."""
        return f"{self.root}, {self.names[index]}"

    def __getitem__(self, index: int) -> Sample:
        """Read one picture.

        Raises:
            HandposeError: it is cut off or damaged, or its labels are no hand's.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        frame = int(self.video_index[index, 1])
        return {
            "image": image_tensor(self._frames.read(frame)),
            **self._label_tensors(index),
            "index": torch.tensor(index),
            "sequence": torch.tensor(0),
            "frame": torch.tensor(frame),
        }

    def _label_tensors(self, index: int) -> Sample:
        row = {name: rows[index] for name, rows in self._rows.items()}
        labels: Sample = {}
        if "joints_3d" in row and "K" in row:
            labels = labels_3d(self.where(index), row["joints_3d"], row["K"], row.get("annotated"))
        elif "joints_2d" in row:
            labels = {name: torch.ones(N_JOINTS, dtype=torch.bool) for name in FLAGS}
        if "side" in row:
            labels["side"] = torch.tensor(int(row["side"]))
        elif self.side:
            labels["side"] = torch.tensor(int(Side[self.side.upper()]))
        for name in row.keys() & {"joints_2d", "joints_3d", "K"}:
            labels[name] = torch.from_numpy(row[name].astype(np.float32))
        for name in row.keys() & set(FLAGS):
            labels[name] = torch.from_numpy(row[name].copy())
        return without_unlabelled(labels)

    def describe(self) -> dict[str, str]:
        """The choices a result depends on, as recorded with it."""
        path = self._labels.path
        return {
            "dataset": f"folder {self.root.name}",
            **self.selection.describe(),
            "labels": f"{path.name} ({', '.join(self._rows)})" if path else "none",
            "joint_order": self.order,
            "side": "labelled" if "side" in self._rows else self.side or "unknown",
            "root_joint": self._root_joint(),
        }

    def _root_joint(self) -> str:
        if not self._rows.keys() & set(PER_JOINT):
            return NO_ROOT
        return PALM_ROOT if self.order in PALM_ORDERS else WRIST_ROOT
