"""RHD, the Rendered Hand pose Dataset (Zimmermann & Brox 2017): synthetic colour, depth and masks, 320 x 320."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8
from numpy import ndarray
from torch.utils.data import Dataset

from handpose_core.datasets.images import read_labels, read_rgb, read_stored_rgb
from handpose_core.datasets.rhd_annotations import read_annotations
from handpose_core.datasets.rhd_layout import (
    FRAME_COUNTS,
    KINDS,
    MM_PER_METRE,
    N_CLASSES,
    SPLITS,
    Kind,
    Split,
    decode_depth,
    hand_mask,
    image_path,
    joint_rows,
)
from handpose_core.datasets.sample import Sample
from handpose_core.datasets.selection import MISSING, Missing, check_case, note_missing
from handpose_core.datasets.wrist import WRIST_ROOT
from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS, Side
from handpose_core.io.image_files import visible_names

HandRule = Literal["mask_area", "visible_joints"]


def _by_mask_area(classes: UInt8[ndarray, "h w"], uv_vis: Float32[ndarray, "42 3"]) -> Side:
    """The hand with the larger mask, the right one when equal: the rule of hand3d (Zimmermann & Brox)."""
    left, right = (np.count_nonzero(hand_mask(classes, side)) for side in (Side.LEFT, Side.RIGHT))
    return Side.LEFT if left > right else Side.RIGHT


def _by_visible_joints(classes: UInt8[ndarray, "h w"], uv_vis: Float32[ndarray, "42 3"]) -> Side:
    """The hand with more visible joints, the right one when equal."""
    left, right = uv_vis[:N_JOINTS, 2].sum(), uv_vis[N_JOINTS:, 2].sum()
    return Side.LEFT if left > right else Side.RIGHT


_HAND_RULES: dict[HandRule, Callable[[UInt8[ndarray, "h w"], Float32[ndarray, "42 3"]], Side]] = {
    "mask_area": _by_mask_area,
    "visible_joints": _by_visible_joints,
}


class RHD(Dataset[Sample]):
    """One split of RHD in the authors' layout; a sample is one frame's dominant hand, un-cropped.

    Samples have ``image, joints_2d, joints_3d, annotated, visible, K, mask, side, index, frame``, and ``depth``
    (the hand's only, 0 elsewhere) where the copy has a ``depth/`` folder. The root joint is the wrist. Joints
    outside the image or behind the camera are the authors' data and are given as they are.

    Args:
        root: The folder that holds ``training/`` and ``evaluation/``.
        split: Which of the two.
        hand_rule: Which hand is the frame's: the one with the larger mask (hand3d's rule), or the one with
            more visible joints. They differ on one frame in six: compare results of one rule only.
        missing: What to do when images of annotated frames are missing: stop, or read the rest and record
            the others in `missing_frames`.
        exclude: Frame numbers to leave out on purpose.

    Attributes:
        frames: The authors' number of each sample.
        missing_frames: Annotated frames that were left out because an image of theirs is missing.
        has_depth: Whether samples have ``depth``.

    Raises:
        HandposeError: a wrong root, annotations that cannot be trusted or read, missing images, no frame left.
    """

    def __init__(
        self,
        root: str | Path,
        split: Split,
        hand_rule: HandRule = "mask_area",
        missing: Missing = "error",
        exclude: Sequence[int] = (),
    ) -> None:
        for name, value, choices in (
            ("split", split, SPLITS),
            ("hand_rule", hand_rule, get_args(HandRule)),
            ("missing", missing, MISSING),
        ):
            if value not in choices:
                raise HandposeError(f"RHD, {name}", repr(value), f"one of {', '.join(choices)}", "Choose one of these.")
        self.root, self.split, self.hand_rule = Path(root), split, hand_rule
        self.excluded = tuple(sorted(set(exclude)))
        annotations = read_annotations(self.root, split)
        self.has_depth = (self.root / split / "depth").is_dir()
        absent = self._absent_images(annotations.frames)
        check_case(path for frame, path in absent.items() if frame not in self.excluded)
        self.missing_frames = tuple(absent)
        if absent and missing == "error":
            raise self._images_missing(next(iter(absent.values())), len(absent), len(annotations.frames))
        keep = [i for i, frame in enumerate(annotations.frames) if frame not in absent and frame not in self.excluded]
        if not keep:
            raise HandposeError(
                str(self.root / split),
                f"no frame to read: {len(annotations.frames)} annotated, {len(absent)} without images, "
                f"{len(self.excluded)} excluded",
                "at least one frame",
                "Complete the copy, or exclude less.",
            )
        left_out = [f"{frame:05d}" for frame in absent]
        note_missing(f"{self.root}, {split} split", left_out, len(annotations.frames), "annotated frames")
        self.frames = tuple(annotations.frames[i] for i in keep)
        # Whole arrays, not one object a frame: forked loader workers then share the memory.
        self._uv_vis, self._xyz, self._K = annotations.uv_vis[keep], annotations.xyz[keep], annotations.K[keep]

    def _absent_images(self, frames: tuple[int, ...]) -> dict[int, Path]:
        """Frames of which an image is missing, and the first such image; one listing a folder, none is opened."""
        absent: dict[int, Path] = {}
        kinds: list[Kind] = [kind for kind in KINDS if kind != "depth" or self.has_depth]
        for kind in kinds:
            folder = self.root / self.split / kind
            present = visible_names(folder)
            for frame in frames:
                path = image_path(self.root, self.split, kind, frame)
                if path.name not in present:
                    absent.setdefault(frame, path)
        return dict(sorted(absent.items()))

    def _images_missing(self, first: Path, count: int, total: int) -> HandposeError:
        return HandposeError(
            str(first),
            f"no such image; {count} of {total} annotated frames lack one",
            f"an image of every annotated frame ({FRAME_COUNTS[self.split]} in the full {self.split} split)",
            "Complete the copy, or read the rest with missing: skip, which is recorded with the results.",
        )

    def __len__(self) -> int:
        return len(self.frames)

    def where(self, index: int) -> str:
        """The sample's name for messages: its folder and frame number."""
        return f"{self.root / self.split}, frame {self.frames[index]}"

    def __getitem__(self, index: int) -> Sample:
        """Read one frame.

        Raises:
            HandposeError: an image is cut off, damaged, or of another size or kind than the layout's.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        frame, uv_vis = self.frames[index], self._uv_vis[index]
        image = read_rgb(self._path("color", frame))
        classes = self._read_classes(frame, image.shape[:2])
        side = _HAND_RULES[self.hand_rule](classes, uv_vis)
        rows, mask = joint_rows(side), hand_mask(classes, side)
        sample = {
            # Channels-last memory, so that the crop can warp it without another copy.
            "image": torch.from_numpy(image).permute(2, 0, 1) / 255,
            "joints_2d": torch.from_numpy(uv_vis[rows, :2]),
            "joints_3d": torch.from_numpy(self._xyz[index, rows] * np.float32(MM_PER_METRE)),
            "annotated": torch.ones(N_JOINTS, dtype=torch.bool),
            "visible": torch.from_numpy(uv_vis[rows, 2] > 0.5),
            "K": torch.from_numpy(self._K[index].copy()),
            "mask": torch.from_numpy(mask)[None],
            "side": torch.tensor(int(side)),
            "index": torch.tensor(index),
            "frame": torch.tensor(frame),
        }
        if self.has_depth:
            sample["depth"] = torch.from_numpy(self._read_depth(frame, mask))[None]
        return sample

    def _path(self, kind: Kind, frame: int) -> Path:
        return image_path(self.root, self.split, kind, frame)

    def _read_classes(self, frame: int, shape: tuple[int, ...]) -> UInt8[ndarray, "h w"]:
        path = self._path("mask", frame)
        classes = read_labels(path)
        _check_size(path, classes.shape, shape)
        if classes.max() >= N_CLASSES:
            raise HandposeError(
                str(path), f"class {classes.max()}", f"RHD's mask classes 0..{N_CLASSES - 1}", "Get this file again."
            )
        return classes

    def _read_depth(self, frame: int, mask: Bool[ndarray, "h w"]) -> Float32[ndarray, "h w"]:
        path = self._path("depth", frame)
        depth = decode_depth(read_stored_rgb(path))
        _check_size(path, depth.shape, mask.shape)
        return np.where(mask, depth, np.float32(0))

    def describe(self) -> dict[str, str]:
        """The choices a result depends on, as recorded with it."""
        return {
            "dataset": f"RHD {self.split}",
            "frames": str(len(self)),
            "hand_rule": self.hand_rule,
            "missing_frames": str(len(self.missing_frames)),
            "excluded_frames": str(len(self.excluded)),
            "root_joint": WRIST_ROOT,
        }


def _check_size(path: Path, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if found != expected:
        raise HandposeError(
            str(path),
            f"{found[1]} x {found[0]} pixels",
            f"{expected[1]} x {expected[0]} as the colour image",
            "Get it again.",
        )
