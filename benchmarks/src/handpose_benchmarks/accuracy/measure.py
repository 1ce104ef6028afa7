"""From a model's answers to a row of figures."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64
from numpy import ndarray

from handpose_benchmarks.accuracy.models import Answer, Contender
from handpose_benchmarks.accuracy.pictures import LabelledPicture
from handpose_core.geometry.hand_shape import hand_lengths
from handpose_core.hand import WRIST
from handpose_core.metrics.functional import align_procrustes, align_root, distances

CROP = 1.5
"""2D errors are also told in px of a 256 px crop of this many times the joints' box: hands differ in size."""
_LEAST_LENGTH = 1e-6  # mm, of a predicted hand


@dataclass(frozen=True)
class Row:
    """A model on a set of pictures; errors are of the pictures in which it sees a hand, None without any.

    Args:
        model: its name.
        told: what it is told beside the picture.
        pictures: how many.
        found: in how many it sees a hand.
        procrustes_mean: mm, after the best similarity transform; None without labels in 3D.
        procrustes_median: mm.
        root_mean: mm, wrist on wrist: the turn and the size as the model has them, an adult's where none is given.
        sized_mean: mm, wrist on wrist, the hand as long as the true one from the wrist to the middle finger's tip.
        pixels: mean distance, px of the picture.
        crop_pixels: the same, px of a 256 px crop, see `CROP`.
        crop_median: the median of these.
        milliseconds: a picture, median.
    """

    model: str
    told: str
    pictures: int
    found: int
    procrustes_mean: float | None
    procrustes_median: float | None
    root_mean: float | None
    sized_mean: float | None
    pixels: float | None
    crop_pixels: float | None
    crop_median: float | None
    milliseconds: float


def measure(contender: Contender, pictures: Iterable[LabelledPicture]) -> Row:
    """Look at every picture once."""
    space: list[float] = []
    root: list[float] = []
    sized: list[float] = []
    flat: list[float] = []
    crop: list[float] = []
    took: list[float] = []
    found = 0
    for picture in pictures:
        start = time.perf_counter()
        answer = contender.look(picture)
        took.append(1000 * (time.perf_counter() - start))
        if answer is None:
            continue
        found += 1
        errors = np.linalg.norm(answer.joints_2d - picture.joints_2d, axis=1)[picture.counted]
        flat += errors.tolist()
        crop += (errors * 256 / (CROP * max(picture.box[2:]))).tolist()
        if picture.joints_3d is not None:
            best, on_root, with_size = _in_space(answer, picture.joints_3d, picture.counted)
            space, root, sized = space + best, root + on_root, sized + with_size
    middle = None if not space else float(np.median(space))
    return Row(
        contender.name, contender.told, len(took), found, _mean(space), middle, _mean(root), _mean(sized), _mean(flat),
        _mean(crop), None if not crop else float(np.median(crop)), float(np.median(took)) if took else float("nan"),
    )  # fmt: skip


def _in_space(
    answer: Answer, joints_3d: Float64[ndarray, "21 3"], counted: Bool[ndarray, "21"]
) -> tuple[list[float], list[float], list[float]]:
    """Compute the errors of the counted joints.

    Args:
        answer: The model's.
        joints_3d: True joints, mm.
        counted: The joints whose errors count.

    Returns:
        Errors (mm) after the best similarity transform; wrist on wrist; and wrist on wrist, scaled to the hand's true
        length. The last two are empty where the wrist is not counted.
    """
    guess, truth = (torch.from_numpy(joints)[None] for joints in (answer.joints_3d, joints_3d))
    kept = torch.from_numpy(counted)[None]
    best: list[float] = distances(*align_procrustes(guess, truth, kept, WRIST))[kept].tolist()
    if not counted[WRIST]:
        return best, [], []
    factor = hand_lengths(joints_3d[None])[0] / max(hand_lengths(answer.joints_3d[None])[0], _LEAST_LENGTH)
    root, sized = (distances(*align_root(hand, truth, kept, WRIST))[kept].tolist() for hand in (guess, guess * factor))
    return best, root, sized


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
