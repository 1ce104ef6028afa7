"""A picture, a folder, a video or a camera, from pictures to files."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.io.video import VIDEO_SUFFIXES, Frames, VideoFile
from handpose_core.predict.boxes import Box, Boxes
from handpose_core.predict.cut import Origin
from handpose_core.predict.follow import Follow
from handpose_core.predict.hands import Hand, check_numbers
from handpose_core.predict.looking import InBoxes, Looker
from handpose_core.predict.model import HandModel, Known
from handpose_core.predict.outputs import Found, canvas_of, write_hands, write_meshes, write_overlay
from handpose_core.predict.pictures import Picture, list_pictures, read_picture
from handpose_core.predict.search import Search
from handpose_core.predict.smooth_hands import SmoothHands

Step = Callable[[int], None]
"""Told how many pictures are done since it was told last."""
Show = Callable[[UInt8[ndarray, "h w 3"]], None]
"""Given each drawn frame as soon as it is done."""
_Item = TypeVar("_Item")
_DRAWN_AS = frozenset({".jpg", ".jpeg", ".png"})


@dataclass(frozen=True)
class Job:
    """What is to be done, and what is known.

    Args:
        boxes: the hands of each picture; a picture that is not named has none to look at.
        box: one hand in every picture, where ``boxes`` is None.
        known: what is known of all pictures.
        search: where there are neither, the hand is looked for; otherwise the whole picture is taken for it.
    """

    boxes: Boxes | None = None
    box: Box | None = None
    known: Known = field(default_factory=Known)
    search: bool = True

    @property
    def searches(self) -> bool:
        """Whether hands have to be looked for."""
        return self.search and self.boxes is None and self.box is None

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
    look: Looker = Search(model, job.known) if job.searches else InBoxes(model, job.of, job.known)
    for several in _chunks(_readable(paths, failed, single=paths == [source]), look.batch):
        for picture, hands in zip(several, look(several), strict=True):
            found.append(_found(picture, hands))
            name = picture.name if Path(picture.name).suffix.lower() in _DRAWN_AS else f"{picture.name}.png"
            write_overlay(out / "overlays" / name, canvas_of(picture.pixels).drawn(hands))
            write_meshes(out / "meshes", picture.name, hands)
        step(len(several))
    if not found:
        first, reason = next(iter(failed.items()))
        raise HandposeError(str(source), f"no picture that can be read; {first}: {reason}", "pictures", "Check them.")
    notes = _notes(job, found)
    write_hands(out, str(source), model.info, found, notes, failed=failed)
    return Done(tuple(found), notes, failed)


def predict_video(
    model: HandModel, video: Frames, out: Path, job: Job, step: Step, smooth: bool, show: Show | None = None
) -> Done:
    """Estimate frames, smoothed or as they are, show them if asked to, and write everything; raises what it raises."""
    found: list[Found] = []
    look: Looker = (
        Follow(model, Search(model, job.known), job.known) if job.searches else InBoxes(model, job.of, job.known)
    )
    smoothed = SmoothHands(video.rate) if smooth else _as_found
    with VideoFile(out / f"{video.name}.mp4", video.rate) as drawn:
        for several in _chunks(video, 1 if video.live else look.batch):
            pictures = [Picture(str(number), pixels) for number, pixels in several]
            for (number, pixels), picture, raw in zip(several, pictures, look(pictures), strict=True):
                hands = smoothed(raw, number)
                found.append(_found(picture, hands))
                overlay = canvas_of(pixels).drawn(hands)
                drawn.write(overlay, number)
                if show is not None:
                    show(overlay)
            step(len(several))
    notes = (*_notes(job, found), *(["smoothed by a One-Euro filter"] if smooth else []), *video.notes)
    write_hands(out, video.source, model.info, found, notes, frames_per_second=video.rate)
    return Done(tuple(found), notes, {})


def _readable(paths: list[Path], failed: dict[str, str], single: bool) -> Iterator[Picture]:
    for path in paths:
        try:
            yield Picture(path.name, read_picture(path))
        except HandposeError as error:
            if single:
                raise
            failed[path.name] = str(error)


def _chunks(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _found(picture: Picture, hands: Sequence[Hand]) -> Found:
    height, width = picture.pixels.shape[:2]
    return Found(picture.name, width, height, tuple(hands))


def _as_found(hands: Sequence[Hand], _: int) -> Sequence[Hand]:
    return hands


def _notes(job: Job, found: list[Found]) -> tuple[str, ...]:
    """What a reader of the numbers should know."""
    hands = [hand for picture in found for hand in picture.hands]
    notes = _unboxed(hands)
    if job.known.focal is None:
        notes.append("no focal length given: assumed to be as long as the picture's longer side")
    if job.known.hand_mm is None:
        notes.append("no hand size given: the mean of the model's training hands")
    if low := [picture.name for picture in found if any(hand.is_low for hand in picture.hands)]:
        notes.append(f"low confidence, perhaps no hand: {_some(low)}")
    if none := [picture.name for picture in found if not picture.hands]:
        notes.append(f"no box names a hand in: {_some(none)}")
    for hand in hands:
        check_numbers(hand.joints_3d)
    if unused := sorted(set(job.boxes or {}) - {picture.name for picture in found}):
        notes.append(f"boxes of pictures that were not read: {_some(unused)}")
    return tuple(notes)


def _unboxed(hands: list[Hand]) -> list[str]:
    """How hands were looked at that have no box."""
    times = Counter(hand.origin for hand in hands)
    notes = []
    if times[Origin.WHOLE]:
        notes.append(
            f"no box given: the whole picture, squared, was taken for the hand ({times[Origin.WHOLE]} times); "
            "a box around the hand (--box x,y,w,h) gives better joints"
        )
    if times[Origin.SEARCH]:
        notes.append(
            "no box given: the hand was looked for by the model itself, in squares all over the picture "
            f"({times[Origin.SEARCH]} times); a box around the hand (--box x,y,w,h) is surer"
        )
    if times[Origin.FOLLOW]:
        notes.append(f"followed from the frame before by the model itself: {times[Origin.FOLLOW]} times")
    return notes


def _some(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
