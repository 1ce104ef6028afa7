"""Is everything there that the labels list and that was published?"""

from handpose_core.checks.part import Part
from handpose_core.checks.verdict import Verdict, ok, warning
from handpose_core.io.image_files import left_out_note


def left_out(part: Part) -> Verdict:
    """Name files beside a part's pictures that no reader takes."""
    found = {name: reason for files in part.files for name, reason in files.left_out.items()}
    note = left_out_note(found)
    if note is None:
        return ok("no other files among the pictures")
    return warning(note, "Convert or rename what should be read; move the rest elsewhere.")


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
