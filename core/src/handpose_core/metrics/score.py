"""A result: the figures, and everything one must know to compare them with others'."""

from io import StringIO
from typing import Any, NamedTuple

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from handpose_core.io.streams import as_printable
from handpose_core.metrics.protocols import Correct, Measures


class Score(NamedTuple):
    """The scores of a set of hands under one named convention. Printing it prints the whole table.

    A named tuple because torchmetrics rebuilds what a metric returns, which frozen dataclasses do not allow.
    """

    protocol: str
    alignment: str
    root: str
    recover: str
    unit: str
    """Of the errors and thresholds: ``mm``, or ``px`` with the frame they are measured in."""
    n_samples: int
    thresholds: tuple[float, ...]
    """Where ``overall.pck`` is sampled."""
    overall: Measures
    joints: dict[str, Measures]
    """By joint; a joint that was never counted is absent."""
    fingers: dict[str, Measures]
    """By finger, the wrist (or palm) apart; a finger that was never counted is absent."""
    n_missing: int = 0
    """Number of samples without a prediction; `overall`, `joints` and `fingers` are of the others."""
    missing_as_wrong: Correct | None = None
    """PCK and AUC with the joints of these samples counted as wrong; None where there are none."""

    @property
    def n_predicted(self) -> int:
        """Number of samples with a prediction."""
        return self.n_samples - self.n_missing

    @property
    def n_joints(self) -> int:
        """How many joint errors were counted."""
        return self.overall.n_joints

    @property
    def epe_mean(self) -> float:
        """Mean end-point error."""
        return self.overall.epe_mean

    @property
    def epe_median(self) -> float:
        """Median end-point error, within 0.005 up to 100 and within 0.5 % above."""
        return self.overall.epe_median

    @property
    def auc_0_50(self) -> float:
        """AUC of the PCK curve from 0 to 50 mm; 3D scores only."""
        return self.overall.auc["0_50"]

    @property
    def auc_20_50(self) -> float:
        """AUC of the PCK curve from 20 to 50 mm; 3D scores only."""
        return self.overall.auc["20_50"]

    @property
    def pck(self) -> tuple[float, ...]:
        """The share of correct joints at each of `thresholds`."""
        return self.overall.pck

    def scalars(self) -> dict[str, float]:
        """The figures to log: ``epe_mean``, ``epe_median`` and an ``auc_...`` for each range."""
        return _flat(self.overall)

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        return {
            "protocol": self.protocol,
            "alignment": self.alignment,
            "root": self.root,
            "recover": self.recover,
            "unit": self.unit,
            "n_samples": self.n_samples,
            "n_predicted": self.n_predicted,
            "n_joints": self.n_joints,
            **self.scalars(),
            "thresholds": list(self.thresholds),
            "pck": list(self.pck),
            **self._missing_as_dict(),
            "joints": {name: {"n_joints": m.n_joints, **_flat(m)} for name, m in self.joints.items()},
            "fingers": {name: {"n_joints": m.n_joints, **_flat(m)} for name, m in self.fingers.items()},
        }

    def _missing_as_dict(self) -> dict[str, Any]:
        wrong = self.missing_as_wrong
        if wrong is None:
            return {}
        areas = {f"auc_{name}": area for name, area in wrong.auc.items()}
        return {"missing_as_wrong": {"n_joints": wrong.n_joints, **areas, "pck": list(wrong.pck)}}

    def __rich__(self) -> Group:
        """The convention's names, and a table by joint, by finger and over all."""
        auc_columns = [f"AUC {name.replace('_', '–')}" for name in self.overall.auc]
        table = Table("", "counted", f"EPE mean ({self.unit})", f"EPE median ({self.unit})", *auc_columns)
        for column in table.columns[1:]:
            column.justify = "right"
        for group in (self.joints, self.fingers, {"all": self.overall}):
            for name, measures in group.items():
                table.add_row(name, *_cells(measures))
            table.add_section()
        if self.missing_as_wrong is not None:
            wrong = self.missing_as_wrong
            areas = [f"{area:z.4f}" for area in wrong.auc.values()]
            table.add_row("all, missing as wrong", str(wrong.n_joints), "–", "–", *areas)
        predicted = f" ({self.n_predicted} predicted)" if self.n_missing else ""
        convention = (
            f"protocol {self.protocol} · alignment {self.alignment} · root {self.root} · recover {self.recover}"
            f" · {self.n_samples} samples{predicted}, {self.n_joints} joints"
        )
        return Group(Text(convention), table)

    def __str__(self) -> str:
        """The table as plain text; in ASCII where standard output is not UTF."""
        text = StringIO()
        Console(file=text, width=120, color_system=None).print(self)
        return as_printable(text.getvalue())


def _flat(measures: Measures) -> dict[str, float]:
    areas = {f"auc_{name}": area for name, area in measures.auc.items()}
    return {"epe_mean": measures.epe_mean, "epe_median": measures.epe_median, **areas}


def _cells(measures: Measures) -> list[str]:
    areas = [f"{area:z.4f}" for area in measures.auc.values()]
    return [str(measures.n_joints), f"{measures.epe_mean:z.3f}", f"{measures.epe_median:z.3f}", *areas]
