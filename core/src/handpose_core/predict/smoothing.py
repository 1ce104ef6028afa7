"""The One-Euro filter: little jitter in a hand that rests, little lag in one that moves.

Casiez, Roussel, Vogel 2012, "1€ Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive Systems".
"""

import math

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from handpose_core.errors import HandposeError


def smoothing_factor(rate: float, cutoff: Float64[ndarray, "*shape"]) -> Float64[ndarray, "*shape"]:
    """The weight of a new value in exponential smoothing: ``1 / (1 + τ / T_e)``, ``τ = 1 / (2 π f_c)``.

    Args:
        rate: samples a second, 1 / T_e.
        cutoff: f_c, Hz.
    """
    return 1 / (1 + rate / (2 * math.pi * cutoff))


class OneEuro:
    """The filter of an array that comes again and again, each number by itself.

    The cutoff grows with speed: ``f_c = f_c,min + β |dX̂|``.

    Args:
        rate: samples a second.
        min_cutoff: Hz, at rest: the lower, the less jitter.
        beta: Hz for each unit a second: the higher, the less lag.
        derivative_cutoff: Hz, of the speed itself.

    Raises:
        HandposeError: a rate or cutoff is not above 0.
    """

    def __init__(
        self, rate: float, min_cutoff: float = 1.0, beta: float = 0.02, derivative_cutoff: float = 1.0
    ) -> None:
        if not (0 < rate < math.inf and min_cutoff > 0 and derivative_cutoff > 0):
            raise HandposeError(
                "smoothing",
                f"rate {rate:g}, min_cutoff {min_cutoff:g}, derivative_cutoff {derivative_cutoff:g}",
                "all above 0",
                "Give the video's true frame rate, or leave out --smooth.",
            )
        self.rate, self.min_cutoff, self.beta = rate, min_cutoff, beta
        self.derivative_cutoff = derivative_cutoff
        self._value: Float64[ndarray, ...] | None = None
        self._speed: Float64[ndarray, ...] = np.zeros(())

    def __call__(self, value: Float64[ndarray, "*shape"]) -> Float64[ndarray, "*shape"]:
        """The filtered value; the first one is itself."""
        if self._value is None or self._value.shape != value.shape:
            self._value, self._speed = value, np.zeros(value.shape)
            return value
        speed = (value - self._value) * self.rate
        weight = smoothing_factor(self.rate, np.full(value.shape, self.derivative_cutoff))
        self._speed = weight * speed + (1 - weight) * self._speed
        weights = smoothing_factor(self.rate, self.min_cutoff + self.beta * np.abs(self._speed))
        self._value = weights * value + (1 - weights) * self._value
        return self._value
