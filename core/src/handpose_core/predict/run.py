"""A picture, a folder, a video or a camera, from pictures to files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.io.outputs import OutputFolder
from handpose_core.io.video import Frames, VideoWriter, write_video
from handpose_core.predict.boxes import Box, Boxes, picture_key
from handpose_core.predict.cut import Origin
from handpose_core.predict.follow import Follow
from handpose_core.predict.hands import Hand
from handpose_core.predict.info import ModelInfo
from handpose_core.predict.looking import InBoxes, Looker
from handpose_core.predict.model import HandModel, Known
from handpose_core.predict.outputs import Found, Listed, ResultsWriter, Summary, canvas_of, write_meshes, write_overlay
from handpose_core.predict.pictures import Picture, count_pictures, list_pictures, read_picture
from handpose_core.predict.search import Search
from handpose_core.predict.smooth_hands import SmoothHands

Step = Callable[[int], None]
"""Told how many pictures are done since it was told last."""
Show = Callable[[UInt8[ndarray, "h w 3"]], None]
"""Given each drawn frame as soon as it is done."""
_Item = TypeVar("_Item")
Stopped = Callable[[], bool]
"""Asked after each picture whether to stop with those that are done."""
_OVERLAYS, _MESHES = "overlays", "meshes"
_RESULTS = ("hands.json", "hands.npz")
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
        return [self.box] if self.boxes is None else list(self.boxes.get(picture_key(name), ()))


@dataclass(frozen=True)
class Done:
    """Results of a run; the hands themselves are in its files.

    Args:
        pictures: how many pictures or frames were read.
        hands: how many hands were estimated in them.
        notes: remarks for the reader of the numbers.
        failed: by file, why it could not be read.
    """

    pictures: int
    hands: int
    notes: tuple[str, ...]
    failed: dict[str, str]


def outputs_of_pictures(source: Path, out: Path) -> list[str]:
    """List the files that `predict_pictures` writes, relative to its folder of outputs.

    Args:
        source: a picture, or a folder of pictures.
        out: the folder of outputs; meshes in it count that have the name of one to be written.

    Raises:
        HandposeError: the folder holds no picture.
    """
    names = [path.name for path in _paths(source)]
    return [*_RESULTS, *(f"{_OVERLAYS}/{_overlay_name(name)}" for name in names), *_meshes_there(out, set(names))]


def outputs_of_frames(frames: Frames) -> list[str]:
    """List the files that `predict_video` writes, relative to its folder of outputs."""
    return [*_RESULTS, _video_name(frames)]


def predict_pictures(
    model: HandModel, source: Path, out: OutputFolder, job: Job, step: Step, stopped: Stopped = lambda: False
) -> Done:
    """Estimate a picture, or all of a folder, and write everything.

    In a folder a file that cannot be read is noted, and the others go on.

    Args:
        model: the estimator.
        source: a picture, or a folder of pictures.
        out: where to write.
        job: what is to be done.
        step: told the number of pictures that are done.
        stopped: asked after each picture; the results so far are kept.

    Raises:
        HandposeError: there is nothing to read, the single picture cannot be read, or all of them cannot.
    """
    listing = list_pictures(source) if source.is_dir() else None
    paths = [source] if listing is None else list(listing.found)
    failed: dict[str, str] = {}
    unread = set(job.boxes or {})
    look: Looker = Search(model, job.known) if job.searches else InBoxes(model, job.of, job.known)
    with ResultsWriter(out, timed=False) as results:
        further: dict[str, int] = {}
        pictures = _readable(_until(stopped, paths), failed, further, single=listing is None)
        for several in _chunks(pictures, look.batch):
            for picture, hands in zip(several, look(several), strict=True):
                results.add(_found(picture, hands))
                unread.discard(picture_key(picture.name))
                write_overlay(out, f"{_OVERLAYS}/{_overlay_name(picture.name)}", canvas_of(picture.pixels).drawn(hands))
                write_meshes(out, _MESHES, picture.name, hands)
            step(len(several))
        interrupted = _interrupted(stopped, results.summary.pictures + len(failed), len(paths), "pictures")
        if not results.summary.pictures:
            first, reason = next(iter(failed.items()))
            raise HandposeError(
                str(source), f"no picture that can be read; {first}: {reason}", "pictures", "Check them."
            )
        left_out = None if listing is None else listing.note()
        notes = (
            *_notes(job, model.info, results.summary, unread),
            *_further_notes(further),
            *([left_out] if left_out else []),
            *interrupted,
        )
        results.finish(str(source), model.info, notes, failed=failed)
        return Done(results.summary.pictures, results.summary.hands, (*notes, *out.notes), failed)


def predict_video(
    model: HandModel,
    video: Frames,
    out: OutputFolder,
    job: Job,
    step: Step,
    smooth: bool,
    show: Show | None = None,
    stopped: Stopped = lambda: False,
) -> Done:
    """Estimate frames, smoothed or as they are, show them if asked to, and write everything.

    Args:
        model: the estimator.
        video: the frames.
        out: where to write.
        job: what is to be done.
        step: told the number of frames that are done.
        smooth: whether to smooth hands over time.
        show: given each drawn frame.
        stopped: asked after each frame; the results so far are kept.

    Raises:
        HandposeError: the model does not answer in numbers, or the overlay cannot be written.
    """
    look: Looker = (
        Follow(model, Search(model, job.known), job.known) if job.searches else InBoxes(model, job.of, job.known)
    )
    smoothed = SmoothHands() if smooth else _as_found
    unread = set(job.boxes or {})
    with ResultsWriter(out, timed=True) as results, ExitStack() as stack:
        drawn: VideoWriter | None = None
        for several in _chunks(_until(stopped, video), 1 if video.live else look.batch):
            drawn = drawn or stack.enter_context(_overlay_video(out, video))
            pictures = [Picture(str(frame.number), frame.pixels) for frame in several]
            for frame, picture, raw in zip(several, pictures, look(pictures), strict=True):
                hands = smoothed(raw, frame.seconds)
                results.add(_found(picture, hands, frame.seconds))
                unread.discard(picture.name)
                overlay = canvas_of(frame.pixels).drawn(hands)
                drawn.write(overlay, frame.seconds)
                if show is not None:
                    show(overlay)
            step(len(several))
        notes = (
            *_notes(job, model.info, results.summary, unread),
            *(["smoothed by a One-Euro filter"] if smooth else []),
            *video.notes,
            *([] if video.live else _interrupted(stopped, results.summary.pictures, video.announced, "frames")),
        )
        results.finish(video.source, model.info, notes, frames_per_second=video.rate)  # before the overlay may fail
    return Done(results.summary.pictures, results.summary.hands, (*notes, *out.notes), {})


def _paths(source: Path) -> list[Path]:
    return list(list_pictures(source).found) if source.is_dir() else [source]


def _overlay_name(name: str) -> str:
    return name if Path(name).suffix.lower() in _DRAWN_AS else f"{name}.png"


def _video_name(frames: Frames) -> str:
    return f"{frames.name}.mp4"


def _meshes_there(out: Path, names: set[str]) -> list[str]:
    """Meshes in the folder of outputs that are named like those of pictures to be read."""
    folder = out / _MESHES
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    parts = [(name, *Path(name).stem.rpartition("-")) for name in found if name.endswith(".glb")]
    return [f"{_MESHES}/{name}" for name, picture, _, number in parts if picture in names and number.isdecimal()]


@contextmanager
def _overlay_video(out: OutputFolder, video: Frames) -> Iterator[VideoWriter]:
    with (
        out.new(name := _video_name(video), ".mp4") as path,
        write_video(path, video.rate, out.folder / name) as writer,
    ):
        yield writer


def _until(stopped: Stopped, items: Iterable[_Item]) -> Iterator[_Item]:
    for item in items:
        yield item
        if stopped():
            return


def _interrupted(stopped: Stopped, done: int, total: int | None, what: str) -> tuple[str, ...]:
    return (f"interrupted after {done} of {total} {what}",) if stopped() and done != total else ()


def _readable(
    paths: Iterable[Path], failed: dict[str, str], further: dict[str, int], single: bool
) -> Iterator[Picture]:
    """Read pictures; note those that cannot be read, and how many others are in a file."""
    for path in paths:
        try:
            picture = Picture(path.name, read_picture(path))
            if (count := count_pictures(path)) > 1:
                further[path.name] = count - 1
            yield picture
        except HandposeError as error:
            if single:
                raise
            failed[path.name] = str(error)


def _further_notes(further: dict[str, int]) -> tuple[str, ...]:
    """Remark on pictures of animations and of files with several pages that were not read."""
    if not further:
        return ()
    names = Listed()
    for name, count in further.items():
        names.add(f"{name} ({count} more)")
    return (f"only the first of several pictures in a file was read: {names}",)


def _chunks(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _found(picture: Picture, hands: Sequence[Hand], seconds: float | None = None) -> Found:
    height, width = picture.pixels.shape[:2]
    return Found(picture.name, width, height, tuple(hands), seconds)


def _as_found(hands: Sequence[Hand], _: float) -> Sequence[Hand]:
    return hands


def _notes(job: Job, info: ModelInfo, summary: Summary, unread: set[str]) -> tuple[str, ...]:
    """Remarks for the reader of the numbers."""
    notes = _unboxed(summary)
    if info.right_handed and summary.sides_not_told:
        notes.append(
            f"no side given for {summary.sides_not_told} hands: shown to the model as right ones (--side left)"
        )
    if job.known.focal is None:
        notes.append("no focal length given: assumed to be as long as the picture's longer side")
    if job.known.hand_mm is None:
        notes.append("no hand size given: the mean of the model's training hands")
    notes += next(filter(None, (job.known.remarks(*size) for size in sorted(summary.sizes))), ())
    if summary.low.count:
        notes.append(f"low confidence, perhaps no hand: {summary.low}")
    if summary.none.count:
        notes.append(f"no box names a hand in: {summary.none}")
    if unread:
        names = Listed()
        for name in sorted(unread):
            names.add(name)
        notes.append(f"boxes of pictures that were not read: {names}")
    return tuple(notes)


def _unboxed(summary: Summary) -> list[str]:
    """Remarks on hands that were estimated without a box."""
    times = summary.origins
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
