"""Clips of a tracked video as crops: one square for a clip, around the joints known in any of its frames."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from handpose_core.datamodules.cropped import SampleSource, with_floats
from handpose_core.datamodules.crops import crop_map, warp
from handpose_core.datasets.sample import Sample, collate
from handpose_core.errors import HandposeError
from handpose_tassn.adapt.tracks import Tracks, square_around

TO_CROP = "to_crop"
"""In a sample: the map from the frame's pixels to the crop's, 3 x 3."""


#: Tensors of as many values are pictures: the least crops have 16 x 16 px.
_LEAST_PICTURE = 256


class VideoClips(Dataset[Sample]):
    """Cropped clips, cut once and kept in a file: a megabyte for four crops of 256 px, whatever the video's length.

    The frames are read in order, each of them one time, which is also what video files are fastest at. The file has no
    name and goes with the object; in memory are the labels alone.

    Args:
        frames: of the video.
        tracks: their joints.
        starts: first frame of each clip.
        length: frames of each.
        image_size: side of the crops, px.
        crop_scale: the crop's side over the joints' extent.
        folder: on whose disk the file lies; None for the system's folder for temporary files.
    """

    def __init__(
        self,
        frames: SampleSource,
        tracks: Tracks,
        starts: Sequence[int],
        length: int,
        image_size: int,
        crop_scale: float = 1.5,
        folder: Path | None = None,
    ) -> None:
        self._count, self._folder = len(starts), folder
        self._stores: dict[str, np.memmap[Any, Any]] = {}
        boxes = tracks.boxes()
        squares = [square_around(boxes[start : start + length], crop_scale) for start in starts]
        to_crops = [crop_map(centre, side, image_size) for centre, side in squares]
        clips_of: dict[int, list[int]] = defaultdict(list)
        for number, start in enumerate(starts):
            for row in range(start, start + length):
                clips_of[row].append(number)
        labels: list[list[Sample]] = [[] for _ in starts]
        for row in sorted(clips_of):
            frame = frames[row]
            for number in clips_of[row]:
                to_crop = to_crops[number]
                crop = {**warp(frame, to_crop, image_size), TO_CROP: torch.from_numpy(to_crop).float()}
                place = (number, len(labels[number]))
                rest = {key: value for key, value in crop.items() if not self._keep(key, value, place, length)}
                labels[number].append(rest)
        self._labels = [collate(clip) for clip in labels]

    def _keep(self, key: str, value: Tensor, place: tuple[int, int], length: int) -> bool:
        """Write a picture into the file; False for labels, which stay in memory."""
        if value.numel() < _LEAST_PICTURE:
            return False
        array = value.numpy()
        if key not in self._stores:
            file = TemporaryFile(dir=self._folder)  # noqa: SIM115  the map holds it open, and it goes with the map
            self._stores[key] = np.memmap(file, array.dtype, "w+", shape=(self._count, length, *array.shape))
        self._stores[key][place] = array
        return True

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """One clip."""
        pictures = {key: torch.from_numpy(np.array(store[index])) for key, store in self._stores.items()}
        return with_floats({**self._labels[index], **pictures})


def learnable(tracks: Tracks, frames: range, length: int) -> list[int]:
    """First frames of the clips, overlapping by half, in which some joint of every clip is known.

    Raises:
        HandposeError: there is none.
    """
    starts = range(frames.start, frames.stop - length + 1, max(1, length // 2))
    known = tracks.known()
    found = [start for start in starts if known[start : start + length].any()]
    with_joints = int(np.count_nonzero(known[frames.start : frames.stop]))
    if not found:
        raise HandposeError(
            "frames to adapt on", f"{with_joints} of {len(frames)} with joints",
            f"{length} in a row, some of them with joints", "Give more frames, or a shorter --clip-length.",
        )  # fmt: skip
    return found


def covering(count: int, length: int) -> list[int]:
    """First frames of clips that together hold all frames; the last one reaches back where they do not divide."""
    return sorted({*range(0, count - length + 1, length), count - length})
