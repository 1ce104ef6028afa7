"""A report as a table, and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from handpose_core.checks.report import Finding, Report
from handpose_core.checks.verdict import Status
from handpose_core.io.image_files import shown_name

_STYLES = {Status.OK: "green", Status.WARNING: "yellow", Status.WRONG: "bold red", Status.SKIPPED: "dim"}


def print_report(report: Report, pictures: Mapping[Finding, Path], console: Console) -> None:
    """The findings by check, then what to do, then how it stands in one line."""
    title = escape(shown_name(f"{report.dataset}: {report.root}"))
    table = Table("check", "part", "", "seen", title=title, title_justify="left")
    rows = list(_rows(report.findings))
    for findings in rows:
        status, seen = findings[0].verdict.status, escape(findings[0].verdict.seen)
        table.add_row(findings[0].check, _parts(findings), f"[{_STYLES[status]}]{status}[/]", seen)
    console.print(table)
    for findings in rows:
        first = findings[0]
        if not first.verdict.fix:
            continue
        console.print(f"[{_STYLES[first.verdict.status]}]{first.check}[/], {_parts(findings)}: ", end="")
        console.print(first.verdict.fix, markup=False, highlight=False)
        for finding in findings:
            if finding in pictures:
                console.print(f"  picture: {pictures[finding]}", markup=False, highlight=False, soft_wrap=True)
    console.print(_summary(report), highlight=False, soft_wrap=True)


def _parts(findings: Sequence[Finding]) -> str:
    more = f" and {len(findings) - 1} more" if len(findings) > 1 else ""
    return escape(f"{findings[0].part}{more}")


def _rows(findings: Sequence[Finding]) -> Iterator[list[Finding]]:
    """A check's parts together where all is fine, or nothing was looked at, or the same was seen."""
    order = {name: position for position, name in enumerate(dict.fromkeys(f.check for f in findings))}

    def key(finding: Finding) -> tuple[int, Status, str]:
        status = finding.verdict.status
        problem = status in (Status.WARNING, Status.WRONG)
        return order[finding.check], status, finding.verdict.seen if problem else ""

    for _, group in groupby(sorted(findings, key=key), key):
        yield list(group)


def _summary(report: Report) -> str:
    wrong, warnings = report.count(Status.WRONG), report.count(Status.WARNING)
    looked = sum(len(part.sample) for part in report.parts)
    verdict = f"{wrong} wrong" if wrong else "nothing wrong"
    labels = sum(len(part.labels) for part in report.parts if part.labels is not None)
    return f"{verdict}, {warnings} warning(s); {labels} labels, and the pictures of {looked} of them, looked at"


def as_dict(report: Report, pictures: Mapping[Finding, Path]) -> dict[str, Any]:
    """The report for JSON."""
    return {
        "root": str(report.root),
        "dataset": report.dataset,
        "fine": report.fine,
        "parts": [
            {
                "name": part.name,
                "labels": None if part.labels is None else len(part.labels),
                "pictures_looked_at": len(part.sample),
                "files": [
                    {"kind": f.kind, "present": len(f.present), "listed": f.listed, "published": f.published}
                    for f in part.files
                ],
            }
            for part in report.parts
        ],
        "findings": [_finding(finding, pictures.get(finding)) for finding in report.findings],
    }


def _finding(finding: Finding, picture: Path | None) -> dict[str, str | None]:
    return {
        "part": finding.part,
        "check": finding.check,
        "status": str(finding.verdict.status),
        "seen": finding.verdict.seen,
        "fix": finding.verdict.fix,
        "picture": None if picture is None else str(picture),
    }
