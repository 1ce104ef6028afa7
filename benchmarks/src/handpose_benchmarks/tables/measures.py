"""How the measures of a results file are printed."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Measure:
    """A column of a table.

    Attributes:
        title: As printed, with the unit.
        decimals: Digits after the point.
        lower_is_better: Of errors; areas under curves are the other way round.
    """

    title: str
    decimals: int
    lower_is_better: bool

    @property
    def heading(self) -> str:
        """The title with the thesis's arrow."""
        return f"{self.title} {'↓' if self.lower_is_better else '↑'}"

    def text(self, value: float | None) -> str:
        """The value as printed; a dash for none."""
        return "–" if value is None else f"{value:.{self.decimals}f}"


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "auc_20_50": Measure("AUC 20–50", 3, lower_is_better=False),
        "auc_0_50": Measure("AUC 0–50", 3, lower_is_better=False),
        "epe_mean": Measure("EPE mean (mm)", 2, lower_is_better=True),
        "epe_median": Measure("EPE median (mm)", 2, lower_is_better=True),
        "epe_mean_px": Measure("EPE mean (px)", 2, lower_is_better=True),
        "pck_20": Measure("PCK at 20 px (%)", 2, lower_is_better=False),
    }
)
"""By their names in a table's results."""
