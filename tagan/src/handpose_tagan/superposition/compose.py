"""Laying a simulated hand over a real picture, in the place of the hand there (thesis, section 2.3.2, figure 2.2)."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from handpose_core.datamodules.crops import crop_map, roll
from handpose_core.hand import Side
from handpose_tagan.superposition.hands import RealHand, SimulatedHand, Unfit
from handpose_tagan.superposition.removal import HandRemoval

WORST_CONDITION = 3.0
REMOVAL = HandRemoval()
_CLEAR = 8
"""Of 255: less coverage than this shows no hand."""


@dataclass(frozen=True)
class Superposed:
    """A simulated hand in a real place, with labels that are as exact as the simulated hand's own.

    Attributes:
        image: RGB.
        coverage: share of each pixel that the simulated hand and arm cover, of 255.
        mask: the hand without its arm.
        joints_2d: px of this image.
        joints_3d: mm, camera frame.
        visible: which joints can be seen.
        K: px of this image; with a skew where the map had one, so that ``K X`` is ``joints_2d`` in any case.
        side: which hand.
    """

    image: UInt8[ndarray, "s s 3"]
    coverage: UInt8[ndarray, "s s"]
    mask: Bool[ndarray, "s s"]
    joints_2d: Float[ndarray, "21 2"]
    joints_3d: Float[ndarray, "21 3"]
    visible: Bool[ndarray, "21"]
    K: Float[ndarray, "3 3"]
    side: Side


@dataclass(frozen=True)
class Superposition:
    """How hands are laid over pictures.

    Args:
        size: side of the pictures that come out, px.
        crop_scale: their side over the longer extent of both hands' joints; less where the picture ends.
        largest_scale: how far a simulated hand may be enlarged.
        removal: what takes the real hand away first.
    """

    size: int = 256
    crop_scale: float = 1.5
    largest_scale: float = 2.0
    removal: HandRemoval = REMOVAL

    def __call__(self, real: RealHand, hand: SimulatedHand, g: Float[ndarray, "3 3"]) -> Superposed:
        """One picture.

        Args:
            real: the place.
            hand: what is laid over it.
            g: from the simulated hand's pixels to the real picture's, see `handpose_tagan.superposition.matching`.

        Raises:
            Unfit: the map is no view of a hand, nothing of the hand is to be seen, or the picture is too small.
        """
        check_map(g)
        if hand.rgba[..., 3].max() < _CLEAR:
            raise Unfit("empty alpha", "no pixel of the simulated picture is covered")
        top, left, side = self._crop(real, hand.joints_2d @ g[:2, :2].T + g[:2, 2])
        C = crop_map(np.array([left, top]) + (side - 1) / 2, side, self.size)
        A = C @ g
        scale = math.sqrt(np.linalg.det(A[:2, :2]))
        if scale > self.largest_scale:
            raise Unfit("simulated hand too small", f"it would be enlarged {scale:.2g} times")
        part = np.ascontiguousarray(real.image[top : top + side, left : left + side])
        scene = cv2.resize(part, (self.size, self.size), interpolation=cv2.INTER_AREA if side > self.size else 1)
        scene = self.removal(scene, real.joints_2d @ C[:2, :2].T + C[:2, 2], real.present)
        front = warp_colours(hand.rgba, A, self.size)
        if front[..., 3].max() < _CLEAR:
            raise Unfit("empty alpha", "nothing of the simulated hand falls into the picture")
        mask = cv2.warpAffine(hand.mask.view(np.uint8), A[:2], (self.size, self.size), flags=cv2.INTER_NEAREST)
        joints_2d = hand.joints_2d @ A[:2, :2].T + A[:2, 2]
        K, M = carry_camera(hand.K, A)
        inside = np.all((joints_2d >= -0.5) & (joints_2d <= self.size - 0.5), axis=1)
        return Superposed(
            image=compose(scene, front),
            coverage=front[..., 3],
            mask=mask.view(np.bool_),
            joints_2d=joints_2d,
            joints_3d=hand.joints_3d @ M.T,
            visible=hand.visible & inside,
            K=K,
            side=hand.side,
        )

    def _crop(self, real: RealHand, placed: Float[ndarray, "21 2"]) -> tuple[int, int, int]:
        """Top, left and side of the square to show, in whole px of the real picture and wholly in it."""
        joints = np.concatenate([placed, real.joints_2d[real.present]])
        low, high = joints.min(0), joints.max(0)
        extent, (height, width) = float((high - low).max()), real.image.shape[:2]
        side = round(min(extent * self.crop_scale, height, width))
        if side < extent:
            raise Unfit("background smaller than the crop", f"{width} x {height} px for a hand of {extent:.0f} px")
        left, top = np.rint((low + high + 1 - side) / 2).astype(int)
        return int(np.clip(top, 0, height - side)), int(np.clip(left, 0, width - side)), side


def check_map(g: Float[ndarray, "3 3"]) -> None:
    """Refuse a g that makes no view of a hand.

    Raises:
        Unfit: it is not finite, mirrors, or stretches one way more than `WORST_CONDITION` times as much as another.
    """
    if not np.isfinite(g).all():
        raise Unfit("no match", "no simulated pose fits")
    determinant = np.linalg.det(g[:2, :2])
    if determinant <= 0:
        raise Unfit("reflection", "a left hand would become a right one")
    long, short = np.linalg.svd(g[:2, :2], compute_uv=False)
    if long > WORST_CONDITION * short * (1 + 1e-6):
        raise Unfit("ill-conditioned map", f"it stretches one way {long / short:.2g} times as much as another")


def carry_camera(
    K: Float[ndarray, "3 3"], A: Float[ndarray, "3 3"]
) -> tuple[Float[ndarray, "3 3"], Float[ndarray, "3 3"]]:
    """Intrinsics K' and the turn M about the optical axis for which ``K' (M X)`` is where A puts the pixels of K X.

    ``K' = A K M⁻¹``, with the turn that makes K' upper triangular. Under a similarity of a camera with square pixels
    that is a camera of the same kind; a general affine map leaves its stretch in K'.
    """
    B = A @ K
    M = roll(math.atan2(B[1, 0], B[1, 1]))
    carried = B @ M.T
    carried[1, 0] = 0.0
    return carried, M


def warp_colours(rgba: UInt8[ndarray, "h w 4"], A: Float[ndarray, "3 3"], size: int) -> UInt8[ndarray, "s s 4"]:
    """Warp colours with coverage; what comes out is multiplied by its coverage, so that no edge darkens."""
    alpha = rgba[..., 3:].astype(np.uint16)
    front = np.concatenate([(rgba[..., :3] * alpha + 127) // 255, alpha], axis=-1).astype(np.uint8)
    shrink = math.sqrt(abs(np.linalg.det(A[:2, :2])))
    if shrink < 0.7:  # a linear warp alone would skip pixels
        height, width = (max(2, round(length * shrink)) for length in rgba.shape[:2])
        x, y = rgba.shape[1] / width, rgba.shape[0] / height
        front = cv2.resize(front, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
        A = A @ np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])
    return cv2.warpAffine(front, A[:2], (size, size), flags=cv2.INTER_LINEAR)  # type: ignore[no-any-return]


def compose(scene: UInt8[ndarray, "h w 3"], front: UInt8[ndarray, "h w 4"]) -> UInt8[ndarray, "h w 3"]:
    """Lay colours that are multiplied by their coverage over a picture."""
    clear = 255 - front[..., 3:].astype(np.uint16)
    return np.minimum(front[..., :3] + (scene * clear + 127) // 255, 255).astype(np.uint8)
