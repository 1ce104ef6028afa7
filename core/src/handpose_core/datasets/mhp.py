"""MHP, the Multiview Hand Pose dataset (Gomez-Donoso et al. 2017): real right hands before four webcams."""

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from numpy import ndarray
from torch.utils.data import Dataset

from handpose_core.datasets.images import read_rgb
from handpose_core.datasets.labels import image_tensor, labels_3d
from handpose_core.datasets.mhp_calibration import (
    Pose,
    project_distorted,
    read_pose,
    undistort_image,
    undistort_pixels,
)
from handpose_core.datasets.mhp_layout import (
    CAMERAS,
    HEIGHT,
    SPLIT_SEQUENCES,
    SPLITS,
    WIDTH,
    K,
    Split,
    box_name,
    camera_joints_name,
    frames_folder,
    image_name,
    joints_name,
)
from handpose_core.datasets.mhp_text import read_box, read_joints
from handpose_core.datasets.sample import Sample
from handpose_core.datasets.selection import MISSING, Missing, check_choice, note_missing, select, wrong_root
from handpose_core.datasets.wrist import DEFAULT_RULE, WRIST_RULES, WristRule, palm_to_wrist, root_joint
from handpose_core.errors import HandposeError
from handpose_core.hand import Side
from handpose_core.io.image_files import visible_names

Lens = Literal["undistorted", "as_is"]
Labels = Literal["published", "computed"]
Boxes = Literal["none", "published"]
_FRAME_FILE = re.compile(r"(\d+)_(joints\.txt|webcam_\d\.jpg)")


class MHP(Dataset[Sample]):
    """One split of MHP in the authors' layout; a sample is one camera's image, un-cropped.

    Samples have ``image, joints_2d, joints_3d, annotated, visible, K, R, t, side, index, sequence, frame, view``, and
    ``box`` where asked for. ``R, t`` map the Leap's frame (the world) to the camera's; ``sequence`` is the authors'
    number, ``view`` the camera's number - 1. `Views` groups the cameras of a moment, `Clips` consecutive frames.
    MHP does not say which joints can be seen: ``visible`` is true for all.

    The webcams' lenses distort. ``lens="undistorted"`` resamples the image to the pinhole camera ``K`` without
    distortion, so that ``K joints_3d`` lands on ``joints_2d`` exactly. ``as_is`` leaves the image as taken and puts
    ``joints_2d`` where the distorted projection falls: ``K joints_3d`` is then some pixels off towards the corners.

    Args:
        root: The folder that holds ``annotated_frames/`` and ``calibrations/``.
        split: Of the thesis's author: data_3 to data_21 for training, data_1 and data_2 for the test.
        cameras: Which webcams, 1 to 4.
        lens: ``undistorted`` or ``as_is``.
        wrist_rule: How the wrist follows from the labelled palm; ``palm`` keeps the palm as joint 0.
        labels: ``published`` takes the joints in the camera's frame from ``jointsCam`` files where there are any;
            ``computed`` moves every camera's from the Leap's frame by the calibration, as is done without such files.
        boxes: ``published`` gives ``box`` from ``bbox`` files, or around the joints where there is none.
        missing: What to do when files are missing: stop, or read the rest and record the others.
        exclude: Frames to leave out on purpose, of all cameras, named as ``data_3/17``.

    Attributes:
        selection: What was read, missing and excluded.
        video_index: Sequence, frame and view of every sample.
        sequences: The first of these.
        missing_sequences: Those without a folder (only non-empty with missing="skip").

    Raises:
        HandposeError: a wrong root, missing files, damaged or untrusted calibrations, no frame left.
    """

    def __init__(
        self,
        root: str | Path,
        split: Split,
        cameras: Sequence[int] = CAMERAS,
        lens: Lens = "undistorted",
        wrist_rule: WristRule = DEFAULT_RULE,
        labels: Labels = "published",
        boxes: Boxes = "none",
        missing: Missing = "error",
        exclude: Collection[str] = (),
    ) -> None:
        for name, value, choices in (
            ("split", split, SPLITS),
            ("lens", lens, get_args(Lens)),
            ("wrist_rule", wrist_rule, WRIST_RULES),
            ("labels", labels, get_args(Labels)),
            ("boxes", boxes, get_args(Boxes)),
            ("missing", missing, MISSING),
            *(("cameras", camera, CAMERAS) for camera in cameras),
        ):
            check_choice("MHP", name, value, choices)
        self.root, self.split, self.cameras = Path(root), split, tuple(cameras)
        self.lens, self.wrist_rule, self.labels, self.boxes = lens, wrist_rule, labels, boxes
        if not ((self.root / "annotated_frames").is_dir() and (self.root / "calibrations").is_dir()):
            layout = "MHP's layout: annotated_frames/data_1/0_webcam_1.jpg and calibrations/data_1/webcam_1/rvec.pkl"
            fix = "Point root at the folder that holds annotated_frames/ and calibrations/."
            raise wrong_root(self.root, layout, fix)
        self._list_samples(missing, exclude)
        self._poses = self._read_poses()

    def _list_samples(self, missing: Missing, exclude: Collection[str]) -> None:
        present = {n: visible_names(frames_folder(self.root, n)) for n in SPLIT_SEQUENCES[self.split]}
        self.missing_sequences = tuple(f"data_{n}" for n, names in present.items() if not names)
        if self.missing_sequences and missing == "error":
            raise HandposeError(
                f"{self.root / 'annotated_frames'}, {self.missing_sequences[0]}",
                f"no files; {len(self.missing_sequences)} of {len(present)} sequences have none",
                f"all sequences of the {self.split} split",
                "Complete the copy, or read the rest with missing: skip, which is recorded with the results.",
            )
        note_missing(f"{self.root}, {self.split} split", self.missing_sequences, len(present), "sequences")
        listed = [
            (n, frame, camera - 1)
            for n, names in present.items()
            for frame in _frames(names)
            for camera in self.cameras
        ]
        absent = {i: path for i, moment in enumerate(listed) if (path := self._first_absent(*moment, present))}
        names = [f"data_{n}/{frame}" for n, frame, _ in listed]
        self.selection = select(f"{self.root}, {self.split} split", names, absent, missing, exclude)
        self.video_index: Int[ndarray, "samples 3"] = np.array(listed)[list(self.selection.kept)]
        self.sequences: Int[ndarray, " samples"] = self.video_index[:, 0]
        # Whether the generated files are there; arrays, which forked loader workers share.
        moments = self.video_index.tolist()
        self._has_joints = np.array([camera_joints_name(frame, v + 1) in present[n] for n, frame, v in moments])
        self._has_box = np.array([box_name(frame, v + 1) in present[n] for n, frame, v in moments])

    def _first_absent(self, sequence: int, frame: int, view: int, present: dict[int, set[str]]) -> Path | None:
        folder = frames_folder(self.root, sequence)
        for name in (joints_name(frame), image_name(frame, view + 1)):
            if name not in present[sequence]:
                return folder / name
        return None

    def _read_poses(self) -> dict[tuple[int, int], Pose]:
        used = np.unique(self.video_index[:, [0, 2]], axis=0).tolist()
        return {(n, view): read_pose(self.root, n, view + 1) for n, view in used}

    def __len__(self) -> int:
        return len(self.video_index)

    def where(self, index: int) -> str:
        """The sample's name for messages: its folder, sequence and frame, as `exclude` takes them."""
        sequence, frame, view = self.video_index[index]
        return f"{self.root}, data_{sequence}/{frame} (webcam {view + 1})"

    def __getitem__(self, index: int) -> Sample:
        """Read one image and its labels.

        Raises:
            HandposeError: an image is damaged or not 640 x 480, or its labels are not the 21 joints of a hand.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        sequence, frame, view = self.video_index[index].tolist()
        image = _read(frames_folder(self.root, sequence) / image_name(frame, view + 1))
        joints, pose = palm_to_wrist(self._camera_joints(index), self.wrist_rule), self._poses[sequence, view]
        sample = {
            "image": image_tensor(image if self.lens == "as_is" else undistort_image(image)),
            **labels_3d(self.where(index), joints, K),
            "R": torch.from_numpy(pose.R).float(),
            "t": torch.from_numpy(pose.t).float(),
            "side": torch.tensor(int(Side.RIGHT)),
            "index": torch.tensor(index),
            "sequence": torch.tensor(sequence),
            "frame": torch.tensor(frame),
            "view": torch.tensor(view),
        }
        if self.lens == "as_is":
            sample["joints_2d"] = torch.from_numpy(project_distorted(joints)).float()
        if self.boxes == "published":
            sample["box"] = torch.from_numpy(self._box(index, sample["joints_2d"].numpy())).float()
        return sample

    def _camera_joints(self, index: int) -> Float64[ndarray, "21 3"]:
        """The joints (mm) in the camera's frame, the palm in the wrist's place."""
        sequence, frame, view = self.video_index[index].tolist()
        folder = frames_folder(self.root, sequence)
        if self.labels == "published" and self._has_joints[index]:
            return read_joints(folder / camera_joints_name(frame, view + 1))
        return self._poses[sequence, view].to_camera(read_joints(folder / joints_name(frame)))

    def _box(self, index: int, joints_2d: Float[ndarray, "21 2"]) -> Float[ndarray, "4"]:
        """Left, top, right, bottom (px) of the hand in the image as the sample has it."""
        if not self._has_box[index]:
            return np.concatenate([joints_2d.min(0), joints_2d.max(0)])
        sequence, frame, view = self.video_index[index].tolist()
        left, top, right, bottom = read_box(frames_folder(self.root, sequence) / box_name(frame, view + 1))
        corners = np.array([[left, top], [right, top], [left, bottom], [right, bottom]])
        if self.lens == "undistorted":
            corners = undistort_pixels(corners)
        return np.concatenate([corners.min(0), corners.max(0)])

    def describe(self) -> dict[str, str]:
        """The choices a result depends on, as recorded with it."""
        joints, boxes = int(self._has_joints.sum()), int(self._has_box.sum())
        return {
            "dataset": f"MHP {self.split} ({', '.join(f'data_{n}' for n in np.unique(self.sequences))})",
            "camera": ", ".join(f"webcam {camera}" for camera in self.cameras),
            **self.selection.describe(),
            "missing_sequences": ", ".join(self.missing_sequences) or "none",
            "root_joint": root_joint(self.wrist_rule),
            "lens": self.lens,
            "labels": f"{joints} published, the others computed" if self.labels == "published" else "computed",
            "boxes": f"{boxes} published, the others around the joints" if self.boxes == "published" else "none",
        }


def _frames(names: set[str]) -> Iterator[int]:
    """Frame numbers of which an image or the joints are in a folder, in order."""
    matches = (_FRAME_FILE.fullmatch(name) for name in names)
    yield from sorted({int(match[1]) for match in matches if match})


def _read(path: Path) -> ndarray:
    image = read_rgb(path)
    if image.shape[:2] != (HEIGHT, WIDTH):
        found = f"{image.shape[1]} x {image.shape[0]} pixels"
        raise HandposeError(str(path), found, f"MHP's {WIDTH} x {HEIGHT}", "Get it again.")
    return image
