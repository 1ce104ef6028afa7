"""Silhouette targets: the hand cut out by GrabCut, which the 2D skeleton tells where to look.

Computed once, by several processes, and kept in a folder under names made of what they depend on: picture, labels and
options. A mask whose area is out of line with the others' is not used, and counted.
"""

import hashlib
import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, UInt8
from numpy import ndarray
from torch.utils.data import Dataset

from handpose_core.datamodules.cropped import SampleSource
from handpose_core.datamodules.crops import byte_pixels
from handpose_core.datasets.sample import HAS, Sample, labelled_part
from handpose_core.errors import HandposeError
from handpose_core.hand import BONES
from handpose_core.io import atomic
from handpose_core.io.foreign import refuse_foreign

MASK_USED = "mask_used"
"""In a sample: whether its mask may be trusted."""
_SHIFT = 4
"""Fractional bits of the coordinates that OpenCV draws with."""
_ENLARGED = 4.0
"""The most that a picture is enlarged for the cut."""
_CHUNK = 16
"""Samples that a process makes at a time."""


@dataclass(frozen=True)
class GrabCut:
    """GrabCut (Rother et al. 2004) seeded by a hand's 2D joints, in a crop in which all hands are of one size.

    Attributes:
        side: px in that crop of the joints' box, whichever of its sides is longer; the other lengths are px there too.
        context: the crop's size over that of the box; what else is in it tells what the background looks like.
        sure_radius: px around the bones that are the hand.
        probable_radius: px around them that probably are.
        margin: outside the joints' box times this is background.
        iterations: of the cut.
    """

    side: float = 150.0
    context: float = 2.0
    sure_radius: float = 4.0
    probable_radius: float = 10.0
    margin: float = 1.2
    iterations: int = 5

    def crop(
        self, joints_2d: Float[ndarray, "21 2"], annotated: Bool[ndarray, "21"]
    ) -> tuple[Float64[ndarray, "2 3"], UInt8[ndarray, "s s"]]:
        """The map of the image's pixels to the crop's, and OpenCV's classes of the crop's pixels before the cut.

        Args:
            joints_2d: px.
            annotated: joints with a label; others, and those that are not finite, are left out.
        """
        size = round(self.side * self.context)
        known = annotated & np.isfinite(joints_2d).all(1)
        if not known.any():
            return np.eye(2, 3), np.full((size, size), cv2.GC_BGD, np.uint8)
        joints = np.where(known[:, None], joints_2d, 0).astype(np.float64)
        low, high = joints[known].min(0), joints[known].max(0)
        scale = min(self.side / max((high - low).max(), 1e-6), _ENLARGED)
        offset = (size - 1) / 2 - scale * (low + high) / 2
        reach = scale * (high - low) / 2 * self.margin
        return np.column_stack([scale * np.eye(2), offset]), self._seeds(joints * scale + offset, known, reach, size)

    def _seeds(self, joints: ndarray, known: ndarray, reach: ndarray, size: int) -> UInt8[ndarray, "s s"]:
        """Classes of the crop's pixels; ``reach`` is half the box outside of which all is background."""
        classes = np.full((size, size), cv2.GC_BGD, np.uint8)
        first = np.maximum(np.ceil((size - 1) / 2 - reach), 0).astype(int)
        last = np.floor((size - 1) / 2 + reach).astype(int)
        classes[first[1] : last[1] + 1, first[0] : last[0] + 1] = cv2.GC_PR_BGD
        # a lone joint is a bone of no length
        strokes = [(joint, joint) for joint in np.flatnonzero(known).tolist()]
        strokes += [bone for bone in BONES if known[list(bone)].all()]
        for radius, kind in ((self.probable_radius, cv2.GC_PR_FGD), (self.sure_radius, cv2.GC_FGD)):
            for ends in strokes:
                start, end = np.rint(joints[list(ends)] * 2**_SHIFT).astype(int).tolist()
                cv2.line(classes, start, end, kind, round(2 * radius + 1), cv2.LINE_8, _SHIFT)
        return classes

    def cut(
        self, image: UInt8[ndarray, "h w 3"], joints_2d: Float[ndarray, "21 2"], annotated: Bool[ndarray, "21"]
    ) -> tuple[Bool[ndarray, "h w"], float]:
        """The hand's pixels, and their area over that of the seeds (bones at the probable radius).

        None where no joint lies in the image. Of what GrabCut finds, pieces apart from the bones are left out. The
        same picture gives the same mask.

        Args:
            image: RGB.
            joints_2d: px.
            annotated: joints with a label.
        """
        height, width = image.shape[:2]
        to_crop, classes = self.crop(joints_2d, annotated)
        inside = cv2.warpAffine(np.ones((height, width), np.uint8), to_crop, classes.shape, flags=cv2.INTER_NEAREST)
        sure = (classes == cv2.GC_FGD) & (inside > 0)
        if not sure.any():
            return np.zeros((height, width), bool), 0.0
        seeded = np.count_nonzero(classes & inside & 1)  # odd classes are foreground
        smooth = cv2.INTER_LINEAR if to_crop[0, 0] > 1 else cv2.INTER_AREA
        crop = cv2.warpAffine(image, to_crop, classes.shape, flags=smooth, borderMode=cv2.BORDER_REPLICATE)
        cv2.setRNGSeed(0)  # its clusters begin at random
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(crop, classes, (0, 0, 1, 1), *models, self.iterations, cv2.GC_INIT_WITH_MASK)  # no rectangle: seeds
        _, pieces = cv2.connectedComponents(classes & inside & 1)
        found = np.isin(pieces, np.unique(pieces[sure])).astype(np.float32)
        back = cv2.warpAffine(found, to_crop, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        return back > 0.5, float(found.sum()) / seeded


@dataclass(frozen=True)
class MaskCounts:
    """How the masks of a dataset turned out.

    Attributes:
        samples: how many there are.
        empty: those whose mask has no pixel, for example without labels.
        outliers: those whose area is out of line.
    """

    samples: int
    empty: int
    outliers: int

    @property
    def used(self) -> int:
        """Those that a loss may use."""
        return self.samples - self.empty - self.outliers


class MaskedSamples(Dataset[Sample]):
    """A dataset's samples with cut masks: ``mask`` replaces any other, ``mask_used`` says whether it may be trusted.

    An area is judged by its ratio to that of the seeds: the logarithm may lie ``tolerance`` robust standard deviations
    off the dataset's median (Iglewicz & Hoaglin 1993 advise 3.5).

    Args:
        source: frames with ``image``, ``joints_2d`` and ``annotated``.
        folder: where masks are kept, for example beside the data.
        grabcut: how they are cut.
        tolerance: see above.
    """

    def __init__(
        self, source: SampleSource, folder: Path, grabcut: GrabCut | None = None, tolerance: float = 3.5
    ) -> None:
        self.source, self.folder = source, folder
        self.grabcut, self.tolerance = grabcut or GrabCut(), tolerance
        self._areas: list[float] = []
        self._shares: dict[str, float] = {}
        self._range = (0.0, np.inf)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Sample:
        """One sample.

        Raises:
            HandposeError: its mask was not made: `make` was not run, or the data changed since.
        """
        sample = self.source[index]
        return sample | self.mask(sample, self.where(index))

    def mask(self, sample: Sample, where: str) -> Sample:
        """``mask`` and ``mask_used`` of one of the samples, wherever it was read; raises as reading it here does.

        Args:
            sample: with the picture and labels that its mask was made of.
            where: its name for messages.
        """
        key = self._key(sample, where)
        if key not in self._shares:
            raise HandposeError(where, "no mask of this picture", "all made before", "Run `make` first.")
        mask = torch.from_numpy(_read(self._path(key)))[None]
        own = {"mask": mask, MASK_USED: torch.tensor(self._usable(self._shares[key]))}
        has_mask = f"{HAS}mask"
        return own | ({has_mask: torch.tensor(True)} if has_mask in sample else {})

    def where(self, index: int) -> str:
        """The sample's name for messages."""
        return self.source.where(index)

    def describe(self) -> dict[str, str]:
        """The choices a result depends on, and what came of them."""
        options = ", ".join(f"{name} {value:g}" for name, value in asdict(self.grabcut).items())
        counts = self.counts()
        made = f"{counts.used} of {counts.samples} used, {counts.empty} empty, {counts.outliers} outliers in area"
        return self.source.describe() | {"masks": f"GrabCut: {options}, tolerance {self.tolerance:g}; {made}"}

    def make(self, workers: int = 1) -> Iterator[tuple[int, int]]:
        """Make what is not there yet; yields how many of all samples are ready.

        Args:
            workers: processes.

        Raises:
            HandposeError: a sample lacks labels, or is no single frame.
        """
        made: list[tuple[str, float]] = []
        yield 0, len(self)
        for some in self._made_by(workers):
            made += some
            yield len(made), len(self)
        self._areas = [share for _, share in made]
        self._shares = dict(made)
        self._range = _usual(np.array(self._areas), self.tolerance)

    def make_some(self, positions: range) -> list[tuple[str, float]]:
        """Key of each sample, and its mask's area over its seeds'; makes the masks that are not there."""
        return [self._make_one(position) for position in positions]

    def counts(self) -> MaskCounts:
        """How many masks can be used, of those made."""
        empty = sum(share == 0 for share in self._areas)
        used = sum(map(self._usable, self._areas))
        return MaskCounts(len(self._areas), empty, len(self._areas) - empty - used)

    def _made_by(self, workers: int) -> Iterator[list[tuple[str, float]]]:
        chunks = [range(start, min(start + _CHUNK, len(self))) for start in range(0, len(self), _CHUNK)]
        if min(workers, len(chunks)) <= 1:  # not worth another process
            yield from map(self.make_some, chunks)
            return
        # Fresh interpreters: a fork would inherit torch's threads half-way through their work.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(workers, len(chunks)), context, _begin, (self,)) as pool:
            jobs = [pool.submit(_make_some, chunk) for chunk in chunks]
            try:
                for job in as_completed(jobs):
                    yield job.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _make_one(self, position: int) -> tuple[str, float]:
        sample = self.source[position]
        key = self._key(sample, self.where(position))
        image, joints, annotated = _inputs(sample)
        path = self._path(key)
        if not path.is_file():
            mask, share = self.grabcut.cut(image, joints, annotated)
            # the share first: a mask that is there is complete
            atomic.write_text(path.with_suffix(".json"), json.dumps(share))
            atomic.write_bytes(path, cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes())
        return key, json.loads(path.with_suffix(".json").read_text("utf-8"))

    def _key(self, sample: Sample, where: str) -> str:
        """What a mask depends on, in 32 digits."""
        missing = [name for name in ("image", "joints_2d", "annotated") if name not in sample]
        if missing or sample["image"].ndim != 3:
            found = f"no {', '.join(missing)}" if missing else f"an image of shape {tuple(sample['image'].shape)}"
            raise HandposeError(where, found, "single frames with 2D joints", "Cut frames before they become clips.")
        digest = hashlib.blake2b(digest_size=16)
        digest.update(json.dumps([asdict(self.grabcut), cv2.__version__]).encode())
        for array in _inputs(sample):
            digest.update(json.dumps([array.shape, str(array.dtype)]).encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.png"

    def _usable(self, share: float) -> bool:
        return bool(share > 0 and self._range[0] <= share <= self._range[1])


def intersection_over_union(mask: Bool[ndarray, "h w"], true: Bool[ndarray, "h w"]) -> float:
    """IoU of two masks; 1 when both are empty."""
    union = np.count_nonzero(mask | true)
    return np.count_nonzero(mask & true) / union if union else 1.0


def measure_masks(samples: MaskedSamples) -> Float64[ndarray, "n 2"]:
    """IoU of each cut mask with the source's own, and whether the cut one is used (1 or 0).

    Raises:
        HandposeError: the source has no masks, or those of `samples` were not made.
    """
    rows = []
    for index in range(len(samples)):
        true = labelled_part(samples.source[index]).get("mask")
        if true is None:
            raise HandposeError(samples.where(index), "no mask", "a true mask to compare with", "Take other data.")
        cut = samples[index]
        rows.append([intersection_over_union(cut["mask"][0].numpy(), true[0].numpy()), float(cut["mask_used"])])
    return np.array(rows, np.float64).reshape(-1, 2)


def _usual(shares: Float64[ndarray, "n"], tolerance: float) -> tuple[float, float]:
    """The range of shares that are in line with the others; at least a tenth either way."""
    logs = np.log(shares[shares > 0])
    if not len(logs):
        return 0.0, np.inf
    middle = np.median(logs)
    deviation = 1.4826 * np.median(np.abs(logs - middle))  # a normal distribution's standard deviation
    reach = max(tolerance * deviation, np.log(1.1))
    return float(np.exp(middle - reach)), float(np.exp(middle + reach))


def _inputs(sample: Sample) -> tuple[ndarray, ndarray, ndarray]:
    return byte_pixels(sample["image"]), sample["joints_2d"].numpy(), sample["annotated"].numpy()


_works: list[MaskedSamples] = []
"""What this process is to do: set when it begins, so that a dataset's labels are sent to it once."""


def _begin(work: MaskedSamples) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    _works.append(work)


def _make_some(positions: range) -> list[tuple[str, float]]:
    return _works[0].make_some(positions)


def _read(path: Path) -> Bool[ndarray, "h w"]:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        refuse_foreign(path, "a mask made before")
        raise HandposeError(str(path), "no readable picture", "a mask made before", "Delete it and run `make` again.")
    return image > 127
