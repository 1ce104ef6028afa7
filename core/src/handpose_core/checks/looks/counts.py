"""Is everything there that the labels list and that was published?"""

from handpose_core.checks.part import Part
from handpose_core.checks.verdict import Verdict, ok, warning


def counts(part: Part) -> Verdict:
    """Count files of each kind against the labels and the release."""
    lines = []
    short = False
    for files in part.files:
        expected = max(files.listed, files.published)
        short |= len(files.present) < expected
        listed = f", {files.listed} listed" if files.listed not in (len(files.present), files.published) else ""
        lines.append(f"{len(files.present)} of {expected} {files.kind}{listed}")
    seen = "; ".join(lines)
    if not short:
        return ok(seen)
    return warning(seen, "A partial copy: complete it, or read what is there with missing: skip.")
