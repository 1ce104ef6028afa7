"""A picture of every finding that an example can show."""

import re
from pathlib import Path

import numpy as np
import torch

from handpose_core.checks.part import NO_SIDE, Part
from handpose_core.checks.report import Finding, Report
from handpose_core.checks.verdict import Status
from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.io.atomic import claim_folder
from handpose_core.viz.sample import draw_sample
from handpose_core.viz.sheet import with_caption, write_image


def draw_findings(report: Report, folder: Path) -> dict[Finding, Path]:
    """Draw an example of every problem that has one.

    Args:
        report: What was found.
        folder: Where to write, made when there is something to draw; where it holds files, ``FOLDER_2``,
            ``FOLDER_3``, ...: none is replaced.

    Returns:
        The picture of each finding that has one.
    """
    parts = {part.name: part for part in report.parts}
    drawn: dict[Finding, Path] = {}
    claimed: Path | None = None
    for finding in report.findings:
        verdict = finding.verdict
        if verdict.status in (Status.WARNING, Status.WRONG) and verdict.example is not None:
            part = parts[finding.part]
            assert part.labels is not None
            sheet = draw_sample(_sample(part, verdict.example))
            title = f"{finding.check}, {finding.part}, {part.labels.names[verdict.example]}: {verdict.seen}"
            claimed = claimed or _claim(folder)
            path = claimed / (re.sub(r"[^\w-]+", "_", f"{finding.part}_{finding.check}") + ".png")
            write_image(path, with_caption(sheet, title))
            drawn[finding] = path
    return drawn


def _claim(folder: Path) -> Path:
    """The folder itself where it is empty, else a new one beside it."""
    return folder if folder.is_dir() and not any(folder.iterdir()) else claim_folder(folder)


def _sample(part: Part, row: int) -> Sample:
    """One label as the contract has it, with its pictures where they can be read."""
    labels = part.labels
    assert labels is not None
    sample: dict[str, np.ndarray] = {}
    pixels = labels.joints_2d[row] if labels.joints_2d is not None else None
    if labels.joints_3d is not None:
        sample["joints_3d"] = labels.joints_3d[row]
    if part.picture is not None and row in part.pictured:
        try:
            pictures = part.picture(row)
        except HandposeError:
            pass  # the finding on unreadable files tells it; this picture shows the labels alone
        else:
            pixels = pictures.joints_2d
            sample["image"] = pictures.image.transpose(2, 0, 1) / 255
            if pictures.mask is not None:
                sample["mask"] = pictures.mask[None]
            if pictures.depth is not None:
                sample["depth"] = pictures.depth.decode(pictures.depth.rgb)[None]
    if pixels is not None:
        sample["joints_2d"] = pixels
    if labels.side[row] != NO_SIDE:
        sample["side"] = np.array(labels.side[row])
    return {key: torch.from_numpy(np.array(value)) for key, value in sample.items()}
