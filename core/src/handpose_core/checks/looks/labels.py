"""Can the labels be read at all?"""

from handpose_core.checks.part import Part
from handpose_core.checks.verdict import Verdict, ok, skipped, wrong


def labels_read(part: Part) -> Verdict:
    """Pass on what the reader says."""
    if part.problem is not None:
        error = part.problem
        return wrong(f"{error.where}: {error.found}; expected {error.expected}", error.fix)
    if part.labels is None:
        return skipped("pictures without labels")
    remark = f", {part.remark}" if part.remark else ""
    return ok(f"{len(part.labels)} labels in {part.labels.source}{remark}")
