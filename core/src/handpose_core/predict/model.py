"""A model for pictures: three lines from a photograph to a hand in 3D."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64, UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.geometry.handedness import mirror_intrinsics, mirror_pixels, mirror_points
from handpose_core.hand import WRIST, Side
from handpose_core.io.pixels import to_rgb
from handpose_core.predict.boxes import Box, boxes_of, side_of
from handpose_core.predict.cut import Square, cut, square_of
from handpose_core.predict.hands import Hand, root_relative
from handpose_core.predict.info import ModelInfo
from handpose_core.predict.pictures import read_picture
from handpose_core.predict.recovery import (
    LARGEST_HAND_MM,
    Focal,
    camera_matrix,
    focal_of,
    implausible_focal,
    implausible_hand,
    recover,
)
from handpose_core.predict.runtime import UNTOLD, MeshRuntime, Runtime
from handpose_core.predict.view import View
from handpose_core.predict.whole_hand import WholeHand, whole_hand


@dataclass(frozen=True)
class Known:
    """What is known of all pictures beforehand.

    Args:
        side: which hand they show, where a box does not say; also as ``left`` or ``right``.
        mirrored: they show mirror images, as selfie cameras make them. Sides are those of the real hands.
        focal: the camera's, px, or fx, fy, cx, cy, or K (3 3); assumed where None, and then good for poses, not for
            places.
        hand_mm: the hand's length from the wrist to the middle finger's tip along the bones, mm.

    Raises:
        HandposeError: a value is of another type, not finite, or not above 0.
    """

    side: Side | None = None
    mirrored: bool = False
    focal: Focal | None = None
    hand_mm: float | None = None

    def __post_init__(self) -> None:
        """Check the values, and convert them."""
        object.__setattr__(self, "side", side_of(self.side, "--side"))
        object.__setattr__(self, "focal", focal_of(self.focal, "--focal"))
        if not isinstance(self.mirrored, bool | np.bool_):
            raise HandposeError("--mirrored", f"{self.mirrored!r}", "True or False", "Give a boolean.")
        if self.hand_mm is None:
            return
        size = self.hand_mm
        if isinstance(size, bool) or not isinstance(size, int | float | np.number) or not 0 < size <= LARGEST_HAND_MM:
            found = f"{size:g}" if isinstance(size, float | np.number) else f"{size!r}"
            raise HandposeError(
                "--hand-size", found, f"mm, above 0, up to {LARGEST_HAND_MM:g}", "An adult's is 160 to 210 mm."
            )
        object.__setattr__(self, "hand_mm", float(size))

    def remarks(self, width: int, height: int) -> tuple[str, ...]:
        """Remark on values that no hand or camera has.

        Args:
            width: of the pictures, px.
            height: px.

        Returns:
            A sentence for each; none where all is plausible.
        """
        found = (implausible_hand(self.hand_mm), implausible_focal(self.focal, width, height))
        return tuple(remark for remark in found if remark is not None)


NOTHING_KNOWN = Known()
_LARGEST_BATCH = 65536


class HandModel:
    """A model that takes pictures; `handpose_core.predict.load` makes one.

    Args:
        runtime: what runs it.
        batch: how many crops it gets at once.
    """

    def __init__(self, runtime: Runtime, batch: int = 16) -> None:
        if not isinstance(batch, int | np.integer) or not 1 <= batch <= _LARGEST_BATCH:
            raise HandposeError("--batch", f"{batch!r}", f"a whole number from 1 to {_LARGEST_BATCH}", "Leave it out.")
        self._runtime, self.batch = runtime, batch

    @property
    def info(self) -> ModelInfo:
        """What the model says of itself."""
        return self._runtime.info

    def __call__(
        self,
        picture: object,
        boxes: object = None,
        known: Known = NOTHING_KNOWN,
    ) -> list[Hand]:
        """Estimate the hands in one picture.

        Args:
            picture: a file, or RGB pixels: an array, a PIL image, a torch tensor; see
                `handpose_core.io.pixels.to_rgb` for the shapes and types. BGR, as OpenCV reads it, cannot be told
                from RGB: convert it first.
            boxes: where they are: a `Box`, four numbers ``x, y, width, height`` (px), or several of either; without
                any, the whole picture is taken for one hand. `handpose_core.predict.Search` looks for it instead.
            known: what else is known.

        Returns:
            A hand for each box.

        Raises:
            HandposeError: the picture or a box is something else, a box lies outside the picture, or the model must be
                told the side.

        Warns:
            UserWarning: no hand has the length, or no camera the focal length, in ``known``.
        """
        if not isinstance(known, Known):
            raise HandposeError("known", f"{known!r}", "a Known", "For example: known=Known(side=Side.RIGHT)")
        if isinstance(picture, str | PathLike):
            where, pixels = str(picture), read_picture(Path(picture))
        else:
            where, pixels = "picture", to_rgb(picture)
        for remark in known.remarks(pixels.shape[1], pixels.shape[0]):
            warnings.warn(remark, stacklevel=2)
        return self.estimate([self.look(where, pixels, box, known) for box in boxes_of(boxes)])

    def look(self, where: str, pixels: UInt8[ndarray, "h w 3"], box: Box | None, known: Known) -> View:
        """Cut out what the model sees of a picture.

        Args:
            where: the picture's name, for messages.
            pixels: 8-bit RGB.
            box: the hand's, None for the whole picture.
            known: what else is known.

        Raises:
            HandposeError: the box lies outside, or the model must be told the side.
        """
        height, width = pixels.shape[:2]
        square = square_of(where, box, width, height, self.info.crop_scale)
        side = known.side if box is None or box.side is None else box.side
        return self.look_at(where, pixels, square, replace(known, side=side))

    def look_at(self, where: str, pixels: UInt8[ndarray, "h w 3"], square: Square, known: Known) -> View:
        """Cut out a square of a picture.

        Args:
            where: the picture's name, for messages.
            pixels: RGB.
            square: of the picture as it is.
            known: what is known of its hand.

        Raises:
            HandposeError: the model must be told the side.
        """
        height, width = pixels.shape[:2]
        if self.info.told_side and known.side is None:
            raise HandposeError(
                f"side of the hand in {where}",
                "nothing",
                f"left or right: {self.info.method} has to be told",
                "Give --side left or --side right, or name it beside each box.",
            )
        K = camera_matrix(known.focal, width, height)
        crop = cut(pixels, square, self.info.image_size)
        if known.mirrored:
            square = replace(square, centre=np.array([width - 1 - square.centre[0], square.centre[1]]))
            crop, K = np.ascontiguousarray(crop[:, ::-1]), mirror_intrinsics(K, width)
        as_right = self.info.right_handed and known.side == Side.LEFT
        if as_right:
            crop = np.ascontiguousarray(crop[:, ::-1])
        absolute = known.focal is not None or known.hand_mm is not None
        return View(crop, square, K, width, height, known.side, known.mirrored, absolute, known.hand_mm, as_right)

    def estimate(self, views: Sequence[View]) -> list[Hand]:
        """The hands in views of any pictures, in batches."""
        hands: list[Hand] = []
        for start in range(0, len(views), self.batch):
            batch = views[start : start + self.batch]
            images = np.stack([view.crop for view in batch]).transpose(0, 3, 1, 2).astype(np.float32) / 255
            sides = np.array([_shown_side(view) for view in batch], np.int64)
            hands += self._hands(batch, np.ascontiguousarray(images), sides)
        return hands

    def _hands(
        self, views: Sequence[View], images: Float32[ndarray, "batch 3 s s"], sides: Int64[ndarray, " batch"]
    ) -> list[Hand]:
        """The hands of one batch."""
        if not isinstance(self._runtime, MeshRuntime):
            rows = zip(*self._runtime.run(images, sides), strict=True)
            return [self._hand(view, *row) for view, row in zip(views, rows, strict=True)]
        joints, meshes = self._runtime.run_meshes(images, sides)
        found = zip(views, joints.joints_2d, joints.scores, *meshes, strict=True)
        return [whole_hand(view, self.info, self._runtime.faces, WholeHand(*said)) for view, *said in found]

    def _hand(
        self,
        view: View,
        in_crop: Float32[ndarray, "21 2"],
        z_rel: Float32[ndarray, "21"],
        scores: Float32[ndarray, "21"],
    ) -> Hand:
        size = self.info.image_size
        A, K = view.square.to_crop(size), view.K
        if view.as_right:  # recovered as the right hand that was shown, then turned back
            in_crop, K = mirror_pixels(in_crop, size), mirror_intrinsics(K, view.width)
        joints_2d = (in_crop.astype(np.float64) - A[:2, 2]) / A[0, 0]
        seen = mirror_pixels(joints_2d, view.width) if view.as_right else joints_2d
        hand_mm = self.info.hand_mm if view.hand_mm is None else view.hand_mm
        joints = recover(seen, z_rel.astype(np.float64), K, self.info.bone_mm, hand_mm)
        if view.as_right:
            joints = mirror_points(joints)
        centre = view.square.centre.copy()
        if view.mirrored:
            joints_2d[:, 0] = view.width - 1 - joints_2d[:, 0]
            centre[0] = view.width - 1 - centre[0]
        return Hand(
            joints_2d=joints_2d,
            joints_3d=root_relative(joints),
            confidence=np.clip(scores.astype(np.float64), 0, 1),
            side=view.side,
            wrist=joints[WRIST] if view.absolute else None,
            square=np.array([*centre, view.square.side]),
            origin=view.square.origin,
        )


def _shown_side(view: View) -> int:
    """Return the side of the hand that the model is shown, `UNTOLD` where none is known."""
    if view.as_right:
        return int(Side.RIGHT)
    return UNTOLD if view.side is None else int(view.side)
