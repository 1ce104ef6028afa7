"""Run every check on every part of a dataset, and tell what they say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from handpose_core.checks.frozen import MADE, as_made
from handpose_core.checks.looks import CHECKS
from handpose_core.checks.part import Part
from handpose_core.checks.parts import parts_of, published_parts
from handpose_core.checks.verdict import Status, Verdict, ok, warning
from handpose_core.datasets.detect import Layout, detect


@dataclass(frozen=True)
class Finding:
    """What one check says of one part."""

    part: str
    check: str
    verdict: Verdict


@dataclass(frozen=True)
class Report:
    """All that was found in a folder.

    Attributes:
        root: The folder.
        dataset: Which dataset it holds.
        parts: What of it is there.
        findings: One a part and check.
    """

    root: Path
    dataset: str
    parts: tuple[Part, ...]
    findings: tuple[Finding, ...]

    def count(self, status: Status) -> int:
        """How many findings stand so."""
        return sum(finding.verdict.status == status for finding in self.findings)

    @property
    def fine(self) -> bool:
        """Whether nothing is wrong; warnings are allowed."""
        return not self.count(Status.WRONG)


def check(root: Path, at_most: int) -> Report:
    """Look at a dataset.

    Args:
        root: Its folder.
        at_most: How many labels' pictures to look at, all parts together; labels and the ends of files are looked
            at in full.

    Raises:
        HandposeError: the folder holds no known dataset.
    """
    layout = detect(root)
    parts = tuple(parts_of(root, layout, at_most))
    findings = (finding for part in parts for finding in _findings(part))
    return Report(root, layout.name, parts, (_completeness(layout, parts), *_manifest(root), *findings))


def _completeness(layout: Layout, parts: Sequence[Part]) -> Finding:
    """Which of the published parts are there."""
    published, here = published_parts(layout), [part.name for part in parts]
    absent = [name for name in published if name not in here]
    seen = f"{len(here)} of {len(published)} parts: {', '.join(here)}"
    fix = f"Without {', '.join(absent)}: what needs them cannot be run."
    return Finding("all", "parts", warning(seen, fix) if absent else ok(seen))


def _manifest(root: Path) -> Iterator[Finding]:
    """Synthetic data against the checksums they were made with; nothing for others."""
    for made in MADE:
        if (root / made.manifest).is_file():
            yield Finding("all", "as made", as_made(root, made))


def _findings(part: Part) -> Iterator[Finding]:
    for name, look in CHECKS.items():
        yield Finding(part.name, name, look(part))
