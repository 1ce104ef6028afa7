"""STB, the Stereo Tracking Benchmark (Zhang et al. 2016): real video of one left hand, colour, depth and stereo."""

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float64, Int
from numpy import ndarray
from torch.utils.data import Dataset

from handpose_core.datasets.images import read_rgb, read_stored_rgb
from handpose_core.datasets.labels import image_tensor, labels_3d
from handpose_core.datasets.sample import Sample
from handpose_core.datasets.selection import (
    MISSING,
    Missing,
    check_case,
    check_choice,
    note_missing,
    select,
    wrong_root,
)
from handpose_core.datasets.stb_annotations import read_joints
from handpose_core.datasets.stb_depth import FARTHEST_FROM_PALM_MM, hand_depth, register
from handpose_core.datasets.stb_layout import (
    CAMERAS,
    HEIGHT,
    SEQUENCES,
    SPLIT_SEQUENCES,
    SPLITS,
    WIDTH,
    Camera,
    Kind,
    Split,
    decode_depth,
    image_path,
    label_path,
)
from handpose_core.datasets.wrist import DEFAULT_RULE, WRIST_RULES, WristRule, palm_to_wrist, root_joint
from handpose_core.errors import HandposeError
from handpose_core.hand import WRIST, Side
from handpose_core.io.image_files import visible_names

CameraName = Literal["sk", "bb_left", "bb_right", "bb"]
_CAMERAS: dict[CameraName, tuple[Camera, ...]] = {
    "sk": (CAMERAS["sk"],),
    "bb_left": (CAMERAS["bb_left"],),
    "bb_right": (CAMERAS["bb_right"],),
    "bb": (CAMERAS["bb_left"], CAMERAS["bb_right"]),
}


class STB(Dataset[Sample]):
    """One split of STB in the authors' layout; a sample is one image, un-cropped.

    Samples have ``image, joints_2d, joints_3d, annotated, visible, K, R, t, side, index, sequence, frame, view``, and
    ``depth`` where asked for. ``R, t`` map the labels' frame (the world here) to the camera's: the left BB camera's
    frame for BB, the depth camera's for SK. ``sequence`` is a position in `stb_layout.SEQUENCES`; ``view`` counts the
    cameras that ``camera`` names. STB does not say which joints can be seen: ``visible`` is true for all.

    Args:
        root: The folder that holds ``images/`` and ``labels/``.
        split: The authors': B1 is the test, B2 to B6 are for training.
        camera: ``sk`` (colour of the RGB-D camera), ``bb_left``, ``bb_right`` (the stereo pair) or ``bb`` (both,
            as hand3d scores it). Published figures on SK and on BB are of different images: never compare them.
        wrist_rule: How the wrist follows from the labelled palm; ``palm`` keeps the palm as joint 0.
        depth: Whether to read SK's depth, moved into the colour camera, of the hand only (`stb_depth`).
        missing: What to do when images or labels are missing: stop, or read the rest and record the others.
        exclude: Frames to leave out on purpose, named as ``B2Random/17``.

    Attributes:
        selection: What was read, missing and excluded.
        video_index: Sequence, frame and view of every sample.
        sequences: The first of these.
        missing_sequences: Those without labels (only non-empty with missing="skip").

    Raises:
        HandposeError: a wrong root, damaged labels, missing files, no frame left, or depth asked of BB.
    """

    def __init__(
        self,
        root: str | Path,
        split: Split,
        camera: CameraName = "sk",
        wrist_rule: WristRule = DEFAULT_RULE,
        depth: bool = False,
        missing: Missing = "error",
        exclude: Collection[str] = (),
    ) -> None:
        check_choice("STB", "split", split, SPLITS)
        check_choice("STB", "camera", camera, get_args(CameraName))
        check_choice("STB", "wrist_rule", wrist_rule, WRIST_RULES)
        check_choice("STB", "missing", missing, MISSING)
        if depth and camera != "sk":
            raise HandposeError("STB, depth", f"camera {camera!r}", "camera 'sk'", "Only SK has depth images.")
        self.root, self.split, self.camera, self.wrist_rule, self.depth = Path(root), split, camera, wrist_rule, depth
        if not ((self.root / "images").is_dir() and (self.root / "labels").is_dir()):
            layout = "STB's layout: images/B1Counting/SK_color_0.png and labels/B1Counting_SK.mat"
            raise wrong_root(self.root, layout, "Point root at the folder that holds images/ and labels/.")
        self._cameras = _CAMERAS[camera]
        self._joints = self._read_labels(missing)
        self._list_samples(missing, exclude)

    def _read_labels(self, missing: Missing) -> dict[int, Float64[ndarray, "frames 21 3"]]:
        """Palm-rooted joints by sequence number; with ``skip``, of the sequences with a label file only."""
        rig = self._cameras[0].rig
        wanted = [SEQUENCES.index(name) for name in SPLIT_SEQUENCES[self.split]]
        found = [n for n in wanted if missing == "error" or label_path(self.root, SEQUENCES[n], rig).is_file()]
        check_case(label_path(self.root, SEQUENCES[n], rig) for n in wanted if n not in found)
        self.missing_sequences = tuple(SEQUENCES[n] for n in wanted if n not in found)
        note_missing(f"{self.root}, {self.split} split", self.missing_sequences, len(wanted), "sequences")
        return {n: read_joints(self.root, SEQUENCES[n], rig) for n in found}

    def _list_samples(self, missing: Missing, exclude: Collection[str]) -> None:
        frames = ((n, frame) for n, joints in self._joints.items() for frame in range(len(joints)))
        listed = [(n, frame, view) for n, frame in frames for view in range(len(self._cameras))]
        names = [f"{SEQUENCES[n]}/{frame}" for n, frame, _ in listed]
        present = {n: visible_names(self.root / "images" / SEQUENCES[n]) for n in self._joints}
        absent = {
            position: path
            for position, (n, frame, view) in enumerate(listed)
            for path in self._paths(n, frame, view)
            if path.name not in present[n]
        }
        self.selection = select(f"{self.root}, {self.split} split", names, absent, missing, exclude)
        self.video_index: Int[ndarray, "samples 3"] = np.array(listed)[list(self.selection.kept)]
        self.sequences: Int[ndarray, " samples"] = self.video_index[:, 0]

    def _paths(self, sequence: int, frame: int, view: int) -> Iterator[Path]:
        kinds: Sequence[Kind] = (self._cameras[view].kind, "SK_depth")
        for kind in kinds[: 1 + self.depth]:
            yield image_path(self.root, SEQUENCES[sequence], kind, frame)

    def __len__(self) -> int:
        return len(self.video_index)

    def where(self, index: int) -> str:
        """The sample's name for messages: its folder, sequence and frame, as `exclude` takes them."""
        sequence, frame, view = self.video_index[index]
        return f"{self.root}, {SEQUENCES[sequence]}/{frame} ({self._cameras[view].kind})"

    def __getitem__(self, index: int) -> Sample:
        """Read one image.

        Raises:
            HandposeError: an image is cut off, damaged or of another size than STB's, or a label is no hand's.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        sequence, frame, view = (int(i) for i in self.video_index[index])
        camera = self._cameras[view]
        palm_rooted = camera.from_labels(self._joints[sequence][frame])
        labels = labels_3d(self.where(index), palm_to_wrist(palm_rooted, self.wrist_rule), camera.K)
        sample = {
            "image": image_tensor(_read(image_path(self.root, SEQUENCES[sequence], camera.kind, frame))),
            **labels,
            "R": torch.from_numpy(camera.R).float(),
            "t": torch.from_numpy(camera.t).float(),
            "side": torch.tensor(int(Side.LEFT)),
            "index": torch.tensor(index),
            "sequence": torch.tensor(sequence),
            "frame": torch.tensor(frame),
            "view": torch.tensor(view),
        }
        if self.depth:
            path = image_path(self.root, SEQUENCES[sequence], "SK_depth", frame)
            palm_z = float(palm_rooted[WRIST, 2])
            whole = register(decode_depth(_read(path, read_stored_rgb)), palm_z + FARTHEST_FROM_PALM_MM)
            hand = hand_depth(whole, labels["joints_2d"].numpy(), palm_z)
            sample["depth"] = torch.from_numpy(hand)[None]
        return sample

    def describe(self) -> dict[str, str]:
        """The choices a result depends on, as recorded with it."""
        return {
            "dataset": f"STB {self.split} ({', '.join(SEQUENCES[n] for n in self._joints)})",
            "camera": f"{self.camera} ({', '.join(camera.kind for camera in self._cameras)})",
            **self.selection.describe(),
            "missing_sequences": ", ".join(self.missing_sequences) or "none",
            "root_joint": root_joint(self.wrist_rule),
            "depth": "of the hand, registered to colour" if self.depth else "not read",
        }


def _read(path: Path, read: Callable[[Path], ndarray] = read_rgb) -> ndarray:
    image = read(path)
    if image.shape[:2] != (HEIGHT, WIDTH):
        found = f"{image.shape[1]} x {image.shape[0]} pixels"
        raise HandposeError(str(path), found, f"STB's {WIDTH} x {HEIGHT}", "Get it again.")
    return image
