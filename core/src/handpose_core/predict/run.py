"""A picture, a folder or a video, from file to files."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.predict.boxes import Box, Boxes
from handpose_core.predict.hands import LOW_CONFIDENCE
from handpose_core.predict.model import HandModel, Known
from handpose_core.predict.outputs import Canvas, Found, canvas_of, write_hands, write_meshes, write_overlay
from handpose_core.predict.pictures import list_pictures, read_picture
from handpose_core.predict.smooth_hands import SmoothHands
from handpose_core.predict.videos import VIDEO_SUFFIXES, Video, VideoFile
from handpose_core.predict.view import View

Step = Callable[[int], None]
"""Told how many pictures are done since it was told last."""
_Item = TypeVar("_Item")
_DRAWN_AS = frozenset({".jpg", ".jpeg", ".png"})


@dataclass(frozen=True)
class Job:
    """What is to be done, and what is known.

    Args:
        boxes: the hands of each picture; a picture that is not named has none to look at.
        box: one hand in every picture, where ``boxes`` is None; None looks at whole pictures.
        known: what is known of all pictures.
    """

    boxes: Boxes | None = None
    box: Box | None = None
    known: Known = field(default_factory=Known)

    def of(self, name: str) -> list[Box | None]:
        """The boxes of a picture; None is the whole of it."""
        return [self.box] if self.boxes is None else list(self.boxes.get(name, ()))


@dataclass(frozen=True)
class Done:
    """What came of it.

    Args:
        found: picture by picture.
        notes: what a reader of the numbers should know.
        failed: by file, why it could not be read.
    """

    found: tuple[Found, ...]
    notes: tuple[str, ...]
    failed: dict[str, str]


@dataclass(frozen=True)
class _Looked:
    name: str
    width: int
    height: int
    views: list[View]
    canvas: Canvas


def is_video(path: Path) -> bool:
    """Whether a file is named like a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def predict_pictures(model: HandModel, source: Path, out: Path, job: Job, step: Step) -> Done:
    """Estimate a picture, or all of a folder, and write everything.

    In a folder a file that cannot be read is noted, and the others go on.

    Raises:
        HandposeError: there is nothing to read, the single picture cannot be read, or all of them cannot.
    """
    paths = list_pictures(source) if source.is_dir() else [source]
    failed: dict[str, str] = {}
    found: list[Found] = []
    for several in _chunks(_readable(paths, failed, single=paths == [source]), model.batch):
        looked = [_look(model, path.name, pixels, job) for path, pixels in several]
        for one, result in zip(looked, _estimate(model, looked), strict=True):
            found.append(result)
            name = one.name if Path(one.name).suffix.lower() in _DRAWN_AS else f"{one.name}.png"
            write_overlay(out / "overlays" / name, one.canvas.drawn(result.hands))
            write_meshes(out / "meshes", one.name, result.hands)
        step(len(several))
    if not found:
        first, reason = next(iter(failed.items()))
        raise HandposeError(str(source), f"no picture that can be read; {first}: {reason}", "pictures", "Check them.")
    notes = _notes(job, found)
    write_hands(out, source, model.info, found, notes, failed=failed)
    return Done(tuple(found), notes, failed)


def predict_video(model: HandModel, video: Video, out: Path, job: Job, step: Step, smooth: bool) -> Done:
    """Estimate a video's frames, smoothed or as they are, and write everything; raises what it raises."""
    found: list[Found] = []
    smoothed = SmoothHands(video.rate) if smooth else list
    with VideoFile(out / f"{video.path.stem}.mp4", video.rate) as drawn:
        for several in _chunks(enumerate(video), model.batch):
            looked = [_look(model, str(number), pixels, job) for number, pixels in several]
            for one, result in zip(looked, _estimate(model, looked), strict=True):
                hands = tuple(smoothed(result.hands))
                found.append(Found(result.name, result.width, result.height, hands))
                drawn.write(one.canvas.drawn(hands))
            step(len(several))
    notes = (*_notes(job, found), *(["smoothed by a One-Euro filter"] if smooth else []))
    write_hands(out, video.path, model.info, found, notes, frames_per_second=video.rate)
    return Done(tuple(found), notes, {})


def _readable(
    paths: list[Path], failed: dict[str, str], single: bool
) -> Iterator[tuple[Path, UInt8[ndarray, "h w 3"]]]:
    for path in paths:
        try:
            yield path, read_picture(path)
        except HandposeError as error:
            if single:
                raise
            failed[path.name] = str(error)


def _chunks(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _look(model: HandModel, name: str, pixels: UInt8[ndarray, "h w 3"], job: Job) -> _Looked:
    """Everything of a picture that is needed later; the picture itself may be large and is let go."""
    height, width = pixels.shape[:2]
    views = [model.look(name, pixels, box, job.known) for box in job.of(name)]
    return _Looked(name, width, height, views, canvas_of(pixels))


def _estimate(model: HandModel, looked: list[_Looked]) -> list[Found]:
    hands = iter(model.estimate([view for one in looked for view in one.views]))
    return [
        Found(one.name, one.width, one.height, tuple(hand for _, hand in zip(one.views, hands, strict=False)))
        for one in looked
    ]


def _notes(job: Job, found: list[Found]) -> tuple[str, ...]:
    """What a reader of the numbers should know."""
    hands = [hand for picture in found for hand in picture.hands]
    notes = []
    if whole := sum(hand.whole_picture for hand in hands):
        notes.append(
            f"no box given: the whole picture, squared, was taken for the hand ({whole} times); "
            "a box around the hand (--box x,y,w,h) gives better joints"
        )
    if job.known.focal is None:
        notes.append("no focal length given: assumed to be as long as the picture's longer side")
    if job.known.hand_mm is None:
        notes.append("no hand size given: the mean of the model's training hands")
    if low := [
        picture.name for picture in found if any(hand.mean_confidence < LOW_CONFIDENCE for hand in picture.hands)
    ]:
        notes.append(f"low confidence, perhaps no hand: {_some(low)}")
    if none := [picture.name for picture in found if not picture.hands]:
        notes.append(f"no box names a hand in: {_some(none)}")
    if any(not np.isfinite(hand.joints_3d).all() for hand in hands):
        raise HandposeError("model", "joints that are not numbers", "numbers", "Take another checkpoint.")
    if unused := sorted(set(job.boxes or {}) - {picture.name for picture in found}):
        notes.append(f"boxes of pictures that were not read: {_some(unused)}")
    return tuple(notes)


def _some(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
