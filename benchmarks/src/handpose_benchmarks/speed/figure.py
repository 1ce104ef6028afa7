"""One measured number, with its unit and the target it is held against."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        name: What was measured, for example ``"renderer, colour + depth + mask"``.
        value: The measurement.
        unit: The unit of ``value`` and ``target``, for example ``"images/s"``.
        target: The least value that is good enough; None where nothing is asked of it. Larger is better for every
            figure: a duration is reported as a rate.
        note: Conditions that the number depends on: threads, resolution, versions.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without a target."""
        return None if self.target is None else self.value >= self.target


@dataclass(frozen=True)
class Skipped:
    """A measurement that could not be made here, and why: reported beside the figures, never left out.

    Attributes:
        name: What would have been measured.
        reason: Why it was not, for example a peer that is not installed.
    """

    name: str
    reason: str
