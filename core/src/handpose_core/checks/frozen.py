"""Is a synthetic dataset still the one that was made?"""

from pathlib import Path

from handpose_core.checks.looks.files import names
from handpose_core.checks.verdict import Verdict, ok, warning, wrong
from handpose_core.errors import HandposeError
from handpose_core.synth.frozen import differences, differing_lists
from handpose_core.synth.generate import MANIFEST, is_unfinished, read_manifest

_AGAIN = "run `handpose data synth` again with the options in its manifest: the same seed makes the same bits."


def as_made(root: Path) -> Verdict:
    """Compare every file with the checksums that the manifest keeps.

    Args:
        root: The folder of a synthetic dataset, which has a manifest.
    """
    try:
        manifest = read_manifest(root)
    except HandposeError as error:
        return wrong(f"{error.where}: {error.found}", error.fix)
    checksums = manifest.get("checksums", {})
    if lacking := sorted(manifest.get("frames", {}).keys() - checksums.keys()):
        return warning(
            f"no checksums of {', '.join(lacking)}: made before they were kept",
            "Nothing, if you know that no file was changed; else make the data anew into another folder.",
        )
    if lists := differing_lists(root, checksums):
        return wrong(
            f"lists of checksums are not those that were made: {names(lists)}", f"Remove the folder and {_AGAIN}"
        )
    found, unfinished = differences(root, checksums, root / MANIFEST), is_unfinished(root)
    kinds = {"changed": found.changed, "missing": found.missing, "added": () if unfinished else found.added}
    if any(kinds.values()):
        seen = "; ".join(f"{len(paths)} {kind}: {names(paths)}" for kind, paths in kinds.items() if paths)
        return wrong(f"not the {found.listed} files that were made: {seen}", _fix(bool(found.changed), kinds["added"]))
    if unfinished or not checksums:
        return warning("being made, or interrupted: not all parts are finished", f"To finish them, {_AGAIN}")
    recipe = ", ".join(f"{key} {manifest[key]}" for key in ("world", "seed", "version") if key in manifest)
    return ok(f"{found.listed} files are those that were made ({recipe})")


def _fix(changed: bool, added: tuple[Path, ...]) -> str:
    """What to do, by what is wrong."""
    remove = " and ".join([*(["changed"] if changed else []), *(["added"] if added else [])])
    first = f"Remove the {remove} files" if remove else "To have the missing files again"
    return f"{first}, and {_AGAIN}" if remove else f"{first}, {_AGAIN}"
