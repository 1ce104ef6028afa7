"""From a model's answers to a row of figures."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from handpose_benchmarks.accuracy.models import Answer, Contender
from handpose_benchmarks.accuracy.pictures import LabelledPicture
from handpose_core.metrics.functional import align_procrustes, distances

CROP = 1.5
"""2D errors are also told in px of a 256 px crop of this many times the joints' box: hands differ in size."""


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
    pixels: float | None
    crop_pixels: float | None
    crop_median: float | None
    milliseconds: float


def measure(contender: Contender, pictures: Iterable[LabelledPicture]) -> Row:
    """Look at every picture once."""
    space: list[float] = []
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
        space += _in_space(answer, picture)
    middle = None if not space else float(np.median(space))
    return Row(
        contender.name, contender.told, len(took), found, _mean(space), middle, _mean(flat), _mean(crop),
        None if not crop else float(np.median(crop)), float(np.median(took)) if took else float("nan"),
    )  # fmt: skip


def _in_space(answer: Answer, picture: LabelledPicture) -> list[float]:
    """Errors (mm) of the counted joints; none without labels in 3D."""
    if picture.joints_3d is None:
        return []
    guess, truth = (torch.from_numpy(joints)[None] for joints in (answer.joints_3d, picture.joints_3d))
    counted = torch.from_numpy(picture.counted)[None]
    errors: list[float] = distances(*align_procrustes(guess, truth, counted, 0))[counted].tolist()
    return errors


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
