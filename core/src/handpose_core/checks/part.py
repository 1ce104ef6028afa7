"""A part of a dataset (a split, or a video's labels) as the checks look at it, whatever its layout."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.geometry.hand_shape import unit_factor
from handpose_core.hand import N_JOINTS

NO_SIDE = -1


@dataclass(frozen=True)
class Files:
    """The files of one kind.

    Attributes:
        kind: What they are, for example ``color``.
        present: Those that are there.
        listed: How many the labels ask for.
        published: How many the authors' release has.
        unique: Whether no two of them should be the same.
        left_out: Files beside them that no reader takes, by name, and why.
    """

    kind: str
    present: Sequence[Path]
    listed: int
    published: int
    unique: bool = True
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Labels:
    """Every label of a part, one hand a row, canonical joint order; not guarded: numbers may be anything.

    Attributes:
        names: What each is called in messages.
        joints_2d: px of the stored image, as the files give them; None where they only follow from the joints.
        joints_3d: mm if the files are in the unit they should be in, camera frame; None without 3D labels.
        K: Intrinsics, px.
        visible: Joints that are labelled and can be seen.
        side: `Side` as labelled, NO_SIDE where it is not.
        sequence: The video each belongs to; None for single pictures.
        unit: Of the files, for messages: ``m`` or ``mm``.
        order: Name in `handpose_core.hand.JOINT_ORDERS` by which the files were read.
        root: What joint 0 is, ``wrist``, ``palm`` or ``unknown``.
        source: The file, or where the numbers come from, for messages.
        one_hand: Whether all of a sequence is known to be one person's hand.
    """

    names: Sequence[str]
    joints_2d: Float[ndarray, "n 21 2"] | None
    joints_3d: Float[ndarray, "n 21 3"] | None
    K: Float[ndarray, "n 3 3"] | None
    visible: Bool[ndarray, "n 21"]
    side: Int[ndarray, " n"]
    sequence: Int[ndarray, " n"] | None
    unit: str
    order: str
    root: str
    source: str
    one_hand: bool = True

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def finite(self) -> Bool[ndarray, " n"]:
        """Rows in which every visible joint's numbers are finite."""
        fine = np.ones(len(self), bool)
        for joints in (self.joints_2d, self.joints_3d):
            if joints is not None:
                fine &= (np.isfinite(joints).all(-1) | ~self.visible).all(-1)
        return fine if self.K is None else fine & np.isfinite(self.K).all((-1, -2))

    @cached_property
    def hands(self) -> Int[ndarray, " m"]:
        """Rows that geometry can be read from: all of 21 finite joints in 3D, not all in one place."""
        if self.joints_3d is None:
            return np.empty(0, int)
        spread = np.ptp(np.nan_to_num(self.joints_3d), axis=1).max(-1)
        return np.flatnonzero(np.isfinite(self.joints_3d).all((-1, -2)) & (spread > 0))

    @cached_property
    def unit_factor(self) -> float:
        """What the joints must be multiplied by to be in mm; nan where nothing makes them a hand's."""
        return unit_factor(self.some_hands(500)) if len(self.hands) else float("nan")

    def some_hands(self, at_most: int) -> Float[ndarray, "m 21 3"]:
        """Joints of `hands`, evenly thinned out."""
        rows = spread_out(self.hands, at_most)
        return np.empty((0, N_JOINTS, 3)) if self.joints_3d is None else self.joints_3d[rows].astype(np.float64)

    def project(self, rows: Int[ndarray, " m"]) -> Float[ndarray, "m 21 2"] | None:
        """``K joints_3d`` (px); None without either."""
        if self.joints_3d is None or self.K is None:
            return None
        points = self.joints_3d[rows].astype(np.float64) @ self.K[rows].astype(np.float64).transpose(0, 2, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return points[..., :2] / points[..., 2:]


@dataclass(frozen=True)
class DepthPicture:
    """A depth image as it is stored, and where a hand's joints lie in it.

    Attributes:
        rgb: The file.
        decode: Its layout's decoding to mm.
        pixels: Joints in it, px.
        z: Depth of the joints in its camera, mm.
    """

    rgb: UInt8[ndarray, "h w 3"]
    decode: Callable[[UInt8[ndarray, "h w 3"]], Float[ndarray, "h w"]]
    pixels: Float[ndarray, "21 2"]
    z: Float[ndarray, "21"]


@dataclass(frozen=True)
class Pictures:
    """The pictures of one label.

    Attributes:
        row: Of the part's `Labels`.
        image: RGB.
        joints_2d: px of it.
        visible: Joints that can be seen.
        mask: The hand, where the dataset has masks.
        other_mask: The same person's other hand.
        depth: Where the dataset has depth.
    """

    row: int
    image: UInt8[ndarray, "h w 3"]
    joints_2d: Float[ndarray, "21 2"]
    visible: Bool[ndarray, "21"]
    mask: Bool[ndarray, "h w"] | None = None
    other_mask: Bool[ndarray, "h w"] | None = None
    depth: DepthPicture | None = None

    @cached_property
    def inside(self) -> Bool[ndarray, "21"]:
        """Visible joints that fall on a pixel."""
        height, width = self.image.shape[:2]
        with np.errstate(invalid="ignore"):
            seen: Bool[ndarray, 21] = (
                self.visible & (self.joints_2d > -0.5).all(-1) & (self.joints_2d < [width - 0.5, height - 0.5]).all(-1)
            )
        return seen


@dataclass(frozen=True)
class Part:
    """One part of a dataset.

    Attributes:
        name: For messages.
        files: What is there and what should be.
        labels: All labels; None where they cannot be read, see `problem`.
        picture: Reads the pictures of one row of the labels; raises HandposeError for damaged files.
        pictured: Rows whose pictures are all there.
        at_most: How many of these are looked at.
        problem: Why the labels, or the part at all, cannot be read.
        remark: Something to know about how it was read.
    """

    name: str
    files: Sequence[Files]
    labels: Labels | None
    picture: Callable[[int], Pictures] | None
    pictured: Int[ndarray, " m"]
    at_most: int
    problem: HandposeError | None = None
    remark: str = ""

    @cached_property
    def sample(self) -> tuple[Pictures | HandposeError, ...]:
        """The pictures of at most `at_most` labels, evenly spread, or why they cannot be read; read once."""
        return tuple(self._look(int(row)) for row in spread_out(self.pictured, self.at_most))

    @cached_property
    def pictures(self) -> tuple[Pictures, ...]:
        """Those of `sample` that can be read."""
        return tuple(picture for picture in self.sample if isinstance(picture, Pictures))

    def _look(self, row: int) -> Pictures | HandposeError:
        assert self.picture is not None
        try:
            return self.picture(row)
        except HandposeError as error:
            return error


def spread_out(rows: Int[ndarray, " m"], at_most: int) -> Int[ndarray, " k"]:
    """At most so many of the rows, evenly spread, the first and the last among them."""
    if len(rows) <= at_most:
        return rows
    return rows[np.unique(np.linspace(0, len(rows) - 1, at_most).round().astype(int))]
