"""Clips of consecutive frames and groups of simultaneous views, out of any dataset that says when and whence."""

from itertools import pairwise
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from torch.utils.data import Dataset

from handpose_core.datasets.sample import Sample, collate
from handpose_core.datasets.selection import check_choice
from handpose_core.errors import HandposeError

Grouping = Literal["images", "views", "clips"]
"""Single images, all `Views` of a moment, or `Clips` of consecutive frames."""


@runtime_checkable
class VideoSource(Protocol):
    """What a dataset of videos offers.

    Attributes:
        video_index: Sequence, frame and view number of every sample.
        sequences: The first of these.
    """

    video_index: Int[ndarray, "samples 3"]
    sequences: Int[ndarray, " samples"]

    def __len__(self) -> int:
        """How many samples."""

    def __getitem__(self, index: int, /) -> Sample:
        """One un-cropped sample."""

    def where(self, index: int, /) -> str:
        """The sample's name for messages."""

    def describe(self) -> dict[str, str]:
        """The choices a result depends on."""


class Clips(Dataset[Sample]):
    """Clips of consecutive frames of one view; every entry of a sample gets a time axis in front.

    A frame that is missing or left out ends a clip: no clip jumps.

    Args:
        source: The frames.
        length: Frames in a clip.
        step: From the start of a clip to the next one's; None is ``length``: every frame at most once.

    Attributes:
        rows: Positions in ``source`` of each clip's frames.
        sequences: Sequence number of each clip.

    Raises:
        HandposeError: ``length`` or ``step`` is below 1, or there is no such clip.
    """

    def __init__(self, source: VideoSource, length: int, step: int | None = None) -> None:
        step = length if step is None else step
        for name, value in (("clip length", length), ("clip step", step)):
            if value < 1:
                raise HandposeError(f"clips, {name}", str(value), "at least 1", "Give a larger number.")
        self.source, self.length, self.step = source, length, step
        self.rows = _windows(source.video_index, length, step)
        if not len(self.rows):
            raise HandposeError(
                "clips",
                f"no {length} consecutive frames among {len(source)}",
                f"at least one run of {length} frames",
                "Ask for shorter clips, or complete the copy of the dataset.",
            )
        self.sequences: Int[ndarray, " clips"] = source.video_index[self.rows[:, 0], 0]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Sample:
        """Read one clip; raises what ``source`` raises."""
        return collate([self.source[int(row)] for row in self.rows[index]])

    def where(self, index: int) -> str:
        """The clip's name for messages."""
        return f"{self.source.where(int(self.rows[index, 0]))} and the {self.length - 1} after it"

    def describe(self) -> dict[str, str]:
        """The source's choices and these."""
        return {
            **self.source.describe(),
            "clips": f"{len(self)} of {self.length} frames, one every {self.step}",
        }


class Views(Dataset[Sample]):
    """All cameras' samples of one moment; every entry gets a view axis in front, in the order of the views.

    Args:
        source: The single views; their samples have ``R`` and ``t``, world to camera.

    Attributes:
        rows: Positions in ``source`` of each group's views.
        incomplete: How many moments were left out because a view of theirs is missing.
        sequences: Sequence number of each group.

    Raises:
        HandposeError: no moment has all views.
    """

    def __init__(self, source: VideoSource) -> None:
        self.source = source
        order = np.lexsort(source.video_index[:, ::-1].T)
        moments, first, sizes = np.unique(source.video_index[order, :2], axis=0, return_index=True, return_counts=True)
        views = len(np.unique(source.video_index[:, 2]))
        whole = sizes == views
        self.rows = order[first[whole, None] + np.arange(views)]
        self.incomplete = int((~whole).sum())
        self.sequences: Int[ndarray, " groups"] = moments[whole, 0]
        if not len(self.rows):
            raise HandposeError(
                "views",
                f"no moment with all {views} views among {len(moments)}",
                "at least one whole group",
                "Complete the copy of the dataset.",
            )

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Sample:
        """Read one group; raises what ``source`` raises."""
        return collate([self.source[int(row)] for row in self.rows[index]])

    def where(self, index: int) -> str:
        """The group's name for messages."""
        return f"{self.source.where(int(self.rows[index, 0]))} and the other views of it"

    def describe(self) -> dict[str, str]:
        """The source's choices and these."""
        return {
            **self.source.describe(),
            "view_groups": f"{len(self)} of {self.rows.shape[1]} views",
            "incomplete_groups": str(self.incomplete),
        }


def grouped(
    images: VideoSource, group: Grouping, clip_length: int, clip_step: int | None
) -> VideoSource | Views | Clips:
    """The images as they are, in `Views` or in `Clips`.

    Raises:
        HandposeError: an unknown grouping, or what `Views` and `Clips` raise.
    """
    check_choice("data", "group", group, get_args(Grouping))
    if group == "views":
        return Views(images)
    return Clips(images, clip_length, clip_step) if group == "clips" else images


def _windows(video_index: Int[ndarray, "samples 3"], length: int, step: int) -> Int[ndarray, "clips frames"]:
    """Positions of each clip's frames: runs of frame numbers that follow one another in a sequence and view."""
    sequence, frame, view = video_index.T
    order = np.lexsort((frame, view, sequence))
    sorted_index = video_index[order]
    follows = (np.diff(sorted_index[:, [0, 2]], axis=0) == 0).all(1) & (np.diff(sorted_index[:, 1]) == 1)
    cuts = np.flatnonzero(~follows) + 1
    starts = [np.arange(begin, end - length + 1, step) for begin, end in pairwise([0, *cuts.tolist(), len(order)])]
    rows: Int[ndarray, "clips frames"] = order[np.concatenate(starts).astype(int)[:, None] + np.arange(length)]
    return rows
