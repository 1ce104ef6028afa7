"""Hands of a video, smoothed from frame to frame."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from handpose_core.predict.hands import Hand, Mesh
from handpose_core.predict.smoothing import OneEuro

_HAND_ACROSS = 200.0
"""Pixels are smoothed in a two-hundredth of the first square's side, about millimetres: one ``beta`` suits both."""

#: The sampling rate until the second frame comes, 1/s: the first frame's value does not depend on it.
_FIRST_RATE = 30.0
_SHORTEST_STEP = 1e-3  # s


class SmoothHands:
    """Smooths the hands of frame after frame: the first of a frame goes on from the first of the one before.

    With another number of hands than before, or another side, all begin anew.
    """

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._kinds: list[tuple[object, bool]] = []
        self._seconds = -math.inf

    def __call__(self, hands: Sequence[Hand], seconds: float) -> list[Hand]:
        """Smooth the hands of the next frame.

        Args:
            hands: as they were found.
            seconds: the frame's time; the time since the frame before is the filter's sampling period.

        Returns:
            The smoothed hands.
        """
        rate, self._seconds = 1 / max(seconds - self._seconds, _SHORTEST_STEP), seconds
        kinds: list[tuple[object, bool]] = [(hand.side, hand.wrist is None) for hand in hands]
        if kinds != self._kinds:
            self._kinds, self._tracks = kinds, [_Track(hand) for hand in hands]
        return [track(hand, rate) for track, hand in zip(self._tracks, hands, strict=True)]


class _Track:
    def __init__(self, first: Hand) -> None:
        self._unit = float(first.square[2]) / _HAND_ACROSS
        self._filters = [OneEuro(_FIRST_RATE) for _ in range(5)]
        self._pixels, self._space, self._wrist, self._seen, self._vertices = self._filters

    def __call__(self, hand: Hand, rate: float) -> Hand:
        for one in self._filters:
            one.rate = rate
        wrist: Float64[ndarray, 3] | None = None if hand.wrist is None else self._wrist(hand.wrist)
        return replace(
            hand,
            mesh=None if hand.mesh is None else self._surface(hand.mesh),
            joints_2d=self._pixels(hand.joints_2d / np.float64(self._unit)) * self._unit,
            joints_3d=self._space(hand.joints_3d),
            wrist=wrist,
        )

    def _surface(self, mesh: Mesh) -> Mesh:
        seen = self._seen(mesh.vertices_2d / np.float64(self._unit)) * self._unit
        return replace(mesh, vertices=self._vertices(mesh.vertices), vertices_2d=seen)
