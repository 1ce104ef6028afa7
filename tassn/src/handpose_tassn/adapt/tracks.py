"""A video and the 2D joints of its frames; what is missing is marked, and nothing is made up for it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from numpy import ndarray
from torch.utils.data import Dataset

from handpose_core.datasets.folder_frames import frames_of
from handpose_core.datasets.labels import image_tensor
from handpose_core.datasets.mirroring import mirror_sample
from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.geometry.handedness import MIRRORED_HANDS, mirror_intrinsics, mirror_pixels, mirror_points
from handpose_core.hand import JOINT_ORDERS, N_JOINTS
from handpose_core.io.foreign import refuse_foreign

_LEAST_BOX_PX = 16.0


@dataclass(frozen=True)
class Tracks:
    """The joints of a video's frames.

    Attributes:
        joints_2d: px; zeros where nothing is known.
        annotated: which are known.
        truth: 3D joints (mm, camera frame), looked at by nothing but scores; None where the file has none.
        K: px, of each frame; None where the file has none.
        names: of the rows' frames, where these are told by name; else the rows are all frames in their order.
    """

    joints_2d: Float[ndarray, "frames 21 2"]
    annotated: Bool[ndarray, "frames 21"]
    truth: Float[ndarray, "frames 21 3"] | None = None
    K: Float[ndarray, "frames 3 3"] | None = None
    names: tuple[str, ...] | None = None

    def of(self, frames: Sequence[str], path: Path) -> "Tracks":
        """Put the rows in the order of a video's frames.

        Args:
            frames: The names of the video's frames, in their order.
            path: The video, for messages.

        Returns:
            A row a frame; nothing is known of frames that have none here.

        Raises:
            HandposeError: there are names that no frame has, or, without names, other than a row a frame.
        """
        count = len(frames)
        if self.names is None:
            if count != len(self.joints_2d):
                raise HandposeError(
                    f"{path}, --joints-2d", f"{len(self.joints_2d)} rows of joints for {count} frames", "a row a frame",
                    "Give joints of all frames, not-a-number (null) where there are none.",
                )  # fmt: skip
            return self
        places = {name: place for place, name in enumerate(frames)}
        if foreign := [name for name in self.names if name not in places]:
            raise HandposeError(
                f"{path}, --joints-2d",
                f"joints of {len(foreign)} pictures that are none of its frames, such as {foreign[0]}",
                f"names of its frames, such as {frames[0]}", "Run `handpose predict` on the same video or folder.",
            )  # fmt: skip
        rows = [places[name] for name in self.names]
        joints, annotated = np.zeros((count, N_JOINTS, 2), np.float32), np.zeros((count, N_JOINTS), bool)
        joints[rows], annotated[rows] = self.joints_2d, self.annotated
        return Tracks(joints, annotated)

    def known(self) -> Bool[ndarray, "frames"]:
        """Frames of which some joint is known."""
        return np.any(self.annotated, axis=1)

    def boxes(self) -> Float64[ndarray, "frames 4"]:
        """Left, top, right, bottom (px) of each frame's known joints; between frames without, from those beside."""
        known = self.known()
        low = np.where(self.annotated[..., None], self.joints_2d, np.inf).min(1)
        high = np.where(self.annotated[..., None], self.joints_2d, -np.inf).max(1)
        corners, times = np.concatenate([low, high], axis=1), np.arange(len(known))
        filled = [np.interp(times, times[known], column[known]) for column in corners.T]
        return np.stack(filled, axis=1).astype(np.float64)


def read_tracks(path: Path, order: str = "canonical") -> Tracks:
    """The joints in a file, a row a frame.

    Args:
        path: an ``.npz`` with ``joints_2d`` (frames, 21, 2; px) and, if it likes, ``annotated``, ``K`` and
            ``joints_3d``, or ``joints_3d`` and ``K`` to project; or a ``.json`` with ``joints_2d``, in which null
            stands for a joint or a frame that is not known. In arrays not-a-number does. Of ``hands.npz``, as
            ``handpose predict`` writes it, the 2D joints are read, and the names of their pictures.
        order: of the joints, a name out of `handpose_core.hand.JOINT_ORDERS`.

    Raises:
        HandposeError: no such file, no joints in it, or joints of another shape, or none known at all.
    """
    arrays, names = _read(path), None
    if {"names", "picture", "joints_2d"} <= arrays.keys():
        names, arrays = _pictures_of(path, arrays), {"joints_2d": arrays["joints_2d"]}
    if "joints_2d" not in arrays and {"joints_3d", "K"} <= arrays.keys():
        pixels = arrays["joints_3d"] @ np.broadcast_to(arrays["K"], (len(arrays["joints_3d"]), 3, 3)).swapaxes(-1, -2)
        arrays["joints_2d"] = pixels[..., :2] / pixels[..., 2:]
    joints = arrays.get("joints_2d")
    if joints is None or joints.ndim != 3 or joints.shape[1:] != (N_JOINTS, 2):
        found = "no joints_2d" if joints is None else f"joints_2d of shape {joints.shape}"
        raise HandposeError(str(path), found, f"joints_2d of shape (frames, {N_JOINTS}, 2)", "Write it again.")
    if order not in JOINT_ORDERS:
        raise HandposeError("--order", order, f"one of {', '.join(JOINT_ORDERS)}", "Name one of these.")
    rows = list(JOINT_ORDERS[order])
    annotated = np.isfinite(joints).all(-1)
    if "annotated" in arrays:
        annotated &= arrays["annotated"].astype(bool)
    if not annotated.any():
        raise HandposeError(str(path), "no joint that is known", "2D joints in some frames", "Look at the estimator.")
    known = np.where(annotated[..., None], joints, 0).astype(np.float32)
    truth, K = arrays.get("joints_3d"), arrays.get("K")
    return Tracks(
        known[:, rows],
        annotated[:, rows],
        None if truth is None else truth[:, rows].astype(np.float32),
        None if K is None else np.broadcast_to(K, (len(joints), 3, 3)).astype(np.float32),
        names,
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.suffix.lower() == ".json":
            return {"joints_2d": _filled(json.loads(path.read_bytes())["joints_2d"])}
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            return dict(content)
    except OSError as error:
        raise HandposeError(
            f"--joints-2d {path}", f"no readable file ({error.strerror})", "an .npz or .json", "Check the path."
        ) from error
    except Exception as error:  # numpy, zipfile and json raise many kinds on damaged files
        refuse_foreign(path, "an .npz or .json with joints_2d", f"--joints-2d {path}", zipped=True)
        raise HandposeError(
            f"--joints-2d {path}", f"a file that cannot be read ({error})", "an .npz or .json with joints_2d",
            "Write it again.",
        ) from error  # fmt: skip


def _pictures_of(path: Path, arrays: dict[str, Any]) -> tuple[str, ...]:
    """The pictures' names of the hands that ``handpose predict`` wrote; its 3D joints are estimates, and no truth."""
    names, pictures = arrays["names"], arrays["picture"]
    several = np.flatnonzero(np.bincount(pictures, minlength=len(names)) > 1)
    if len(several):
        raise HandposeError(
            f"--joints-2d {path}",
            f"{len(several)} frames with several hands, the first is {names[several[0]]}",
            "one hand a frame",
            "Predict one hand with a box, or keep the rows of one in joints_2d (frames, 21, 2).",
        )
    return tuple(map(str, names[pictures]))


def _filled(frames: list[Any]) -> Float64[ndarray, "frames 21 2"]:
    nothing = [None] * N_JOINTS
    rows = [[joint or (np.nan, np.nan) for joint in frame or nothing] for frame in frames]
    return np.array(rows, np.float64)


class TrackedVideo(Dataset[Sample]):
    """A video's frames with their joints: a sample is a frame, un-cropped.

    Args:
        root: a video file, or a folder of images in order.
        tracks: its joints.
        K: px, for all frames; None for the tracks', or a guess: a focal length of the longer side.

    Attributes:
        tracks: its joints, a row a frame.
        guessed: whether K is a guess, and with it all millimetres.

    Raises:
        HandposeError: there are no such frames, a single one, or joints of others.
    """

    def __init__(self, root: Path, tracks: Tracks, K: Float[ndarray, "3 3"] | None = None) -> None:
        self.root = root
        self._frames = frames_of(root)
        count = len(self._frames.names)
        if self._frames.missing:
            raise HandposeError(
                str(root), f"{len(self._frames.missing)} of {count} frames that are missing, damaged or cut off",
                "frames that decode", "Get the file again, or cut these frames out of it and of --joints-2d.",
            )  # fmt: skip
        if count < 2:
            raise HandposeError(str(root), "one frame", "a video of two or more", "Take `handpose tassn predict`.")
        self.tracks = tracks.of(self._frames.names, root)
        self._shape = self._frames.read(0).shape
        self.guessed = K is None and tracks.K is None
        height, width = self._shape[:2]
        focal = float(max(height, width))
        guess = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
        self._K = (
            tracks.K
            if K is None and tracks.K is not None
            else np.broadcast_to(guess if K is None else K, (count, 3, 3))
        )

    @property
    def width(self) -> int:
        """Of the frames, px."""
        return int(self._shape[1])

    def __len__(self) -> int:
        return len(self._frames.names)

    def __getitem__(self, index: int) -> Sample:
        """One frame.

        Raises:
            HandposeError: it does not decode, or is of another size than the first.
        """
        image = self._frames.read(index)
        if image.shape != self._shape:
            raise HandposeError(
                self.where(index), f"{image.shape[1]} x {image.shape[0]} px",
                f"{self._shape[1]} x {self._shape[0]} px, as the first frame has", "Bring all frames to one size.",
            )  # fmt: skip
        return {
            "image": image_tensor(image),
            "joints_2d": torch.from_numpy(self.tracks.joints_2d[index]),
            "annotated": torch.from_numpy(self.tracks.annotated[index].copy()),
            "K": torch.from_numpy(np.array(self._K[index], np.float32)),
            "index": torch.tensor(index),
        }

    def where(self, index: int) -> str:
        """The frame's name for messages."""
        return f"{self.root}, {self._frames.names[index]}"

    def describe(self) -> dict[str, str]:
        """What a result depends on."""
        known = self.tracks.annotated
        return {
            "dataset": f"video {self.root.name}",
            "frames": str(len(self)),
            "frames_without_joints": str(int((~self.tracks.known()).sum())),
            "joints_unknown": str(int((~known).sum())),
            "intrinsics": "guessed: focal length of the longer side" if self.guessed else "given",
        }


class MirroredVideo(Dataset[Sample]):
    """A video of a left hand, mirrored: the right hand that a model knows which was trained on right ones.

    Args:
        video: As it is.
    """

    def __init__(self, video: TrackedVideo) -> None:
        self._video = video
        own, width = video.tracks, video.width
        known = own.annotated[..., None]
        self.tracks = Tracks(
            np.where(known, mirror_pixels(own.joints_2d, width), 0).astype(np.float32),
            own.annotated,
            None if own.truth is None else mirror_points(own.truth),
            None if own.K is None else mirror_intrinsics(own.K, width),
        )

    def __len__(self) -> int:
        return len(self._video)

    def __getitem__(self, index: int) -> Sample:
        """One frame, mirrored; raises what the video raises."""
        sample = self._video[index]
        mirrored = mirror_sample(sample, torch.tensor(True))
        annotated = sample["annotated"][:, None]
        return {**mirrored, "joints_2d": torch.where(annotated, mirrored["joints_2d"], 0)}

    def where(self, index: int) -> str:
        """The frame's name for messages."""
        return self._video.where(index)

    def describe(self) -> dict[str, str]:
        """What a result depends on."""
        return {**self._video.describe(), "hands": MIRRORED_HANDS}


def square_around(boxes: Float64[ndarray, "frames 4"], scale: float) -> tuple[Float64[ndarray, "2"], float]:
    """Centre (px) and side of the square around some frames' boxes, ``scale`` times as large."""
    low, high = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    return (low + high) / 2, max(float((high - low).max()) * scale, _LEAST_BOX_PX)
