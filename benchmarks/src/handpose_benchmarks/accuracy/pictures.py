"""Labelled pictures, one hand each, from any folder that the suite reads."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, UInt8
from numpy import ndarray

from handpose_core.datamodules.crops import byte_pixels, in_image
from handpose_core.datasets.detect import open_split
from handpose_core.errors import HandposeError
from handpose_core.hand import Side

_FORM = "NAME=PATH, or NAME='PATH SPLIT' of a dataset with several"


@dataclass(frozen=True)
class LabelledPicture:
    """A picture and what is known of its hand.

    Args:
        image: RGB.
        joints_2d: px.
        joints_3d: mm, camera frame; None where pictures are labelled in 2D alone.
        counted: joints that are labelled and lie in the picture.
        side: which hand it is; None where nobody says.
    """

    image: UInt8[ndarray, "h w 3"]
    joints_2d: Float64[ndarray, "21 2"]
    joints_3d: Float64[ndarray, "21 3"] | None
    counted: Bool[ndarray, "21"]
    side: Side | None = None

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height (px) of the labelled joints in the picture."""
        inside = self.joints_2d[self.counted]
        return (*inside.min(0), *np.maximum(np.ptp(inside, axis=0), 1.0))

    def cut_out(self, scale: float) -> tuple[UInt8[ndarray, "h2 w2 3"], Float64[ndarray, "2"]]:
        """The part of the picture in the square around the joints, ``scale`` times as large, and its corner (px)."""
        left, top, width, height = self.box
        middle, half = np.array([left + width / 2, top + height / 2]), scale * max(width, height) / 2
        low = np.maximum(np.floor(middle - half), 0).astype(int)
        high = np.ceil(middle + half).astype(int) + 1
        return self.image[low[1] : high[1], low[0] : high[0]], low.astype(np.float64)


@dataclass(frozen=True)
class PictureSet:
    """A named folder of labelled pictures.

    Args:
        name: as shown.
        root: the folder.
        split: of a dataset; None for the first that is there.
    """

    name: str
    root: Path
    split: str | None = None

    def __iter__(self) -> Iterator[LabelledPicture]:
        """The pictures whose hand has at least four labelled joints in the picture; raises what its reader raises."""
        source = open_split(self.root, self.split)
        for number in range(len(source)):
            sample = source[number]
            if "joints_2d" not in sample:
                raise HandposeError(str(self.root), "pictures without labels", "joints in 2D or 3D", "Choose another.")
            joints_2d = sample["joints_2d"].double().numpy()
            counted = sample["annotated"].numpy() & in_image(sample)
            space = sample["joints_3d"].double().numpy() if "joints_3d" in sample else None
            side = Side(int(sample["side"])) if "side" in sample else None
            if counted.sum() >= 4:
                yield LabelledPicture(byte_pixels(sample["image"]), joints_2d, space, counted, side)

    def tells_sides(self) -> bool:
        """Whether its pictures say which hand they show."""
        source = open_split(self.root, self.split)
        return len(source) > 0 and "side" in source[0]


def picture_set(text: str) -> PictureSet:
    """What ``NAME=PATH`` names.

    Raises:
        HandposeError: it is not of this form, or no dataset is there.
    """
    name, separator, described = text.partition("=")
    words = shlex.split(described)
    if not (separator and name.strip()) or len(words) not in (1, 2):
        raise HandposeError("bench accuracy", f"'{text}'", _FORM, "Correct it.")
    chosen = PictureSet(name.strip(), Path(words[0]), *words[1:])
    open_split(chosen.root, chosen.split)  # what is not there is said before anything is measured
    return chosen
