"""Is a synthetic dataset still the one that was made?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handpose_core.checks.looks.files import names
from handpose_core.checks.verdict import Verdict, ok, warning, wrong
from handpose_core.datasets import mvhm_layout
from handpose_core.errors import HandposeError
from handpose_core.synth import generate
from handpose_core.synth.frozen import differences, differing_lists


@dataclass(frozen=True)
class Made:
    """What a maker of synthetic data keeps.

    Attributes:
        manifest: name of its file.
        read: the file's content, as a table.
        parts: what of the content has an entry for each part that was finished.
        recipe: what of the content says how it was made.
        unfinished: whether a part is being made, or was when the making was interrupted.
        command: that makes it.
    """

    manifest: str
    read: Callable[[Path], Mapping[str, Any]]
    parts: str
    recipe: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    unfinished: Callable[[Path], bool]
    command: str

    @property
    def again(self) -> str:
        """How to have it as it was."""
        return f"run `{self.command}` again with the options in its manifest: the same seed makes the same bits."


def _mvhm_unfinished(root: Path) -> bool:
    manifest = mvhm_layout.read_manifest(root)
    return dict(manifest.groups) != dict(manifest.wanted)


MADE: tuple[Made, ...] = (
    Made(
        generate.MANIFEST, generate.read_manifest, "frames", lambda manifest: manifest,
        generate.is_unfinished, "handpose data synth",
    ),
    Made(
        mvhm_layout.MANIFEST, lambda root: mvhm_layout.read_manifest(root).everything, "groups",
        lambda manifest: manifest["recipe"], _mvhm_unfinished, "handpose mvhm generate",
    ),
)  # fmt: skip
"""Every kind of synthetic data that keeps checksums."""


def as_made(root: Path, made: Made) -> Verdict:
    """Compare every file with the checksums that the manifest keeps.

    Args:
        root: The folder of a synthetic dataset.
        made: Who made it: its manifest is there.
    """
    try:
        manifest = made.read(root)
        unfinished = made.unfinished(root)
    except HandposeError as error:
        return wrong(f"{error.where}: {error.found}", error.fix)
    checksums = manifest.get("checksums", {})
    if lacking := sorted(manifest.get(made.parts, {}).keys() - checksums.keys()):
        return warning(
            f"no checksums of {', '.join(lacking)}: made before they were kept",
            "Nothing, if you know that no file was changed; else make the data anew into another folder.",
        )
    if lists := differing_lists(root, checksums):
        return wrong(
            f"lists of checksums are not those that were made: {names(lists)}", f"Remove the folder and {made.again}"
        )
    found = differences(root, checksums, root / made.manifest)
    kinds = {"changed": found.changed, "missing": found.missing, "added": () if unfinished else found.added}
    if any(kinds.values()):
        seen = "; ".join(f"{len(paths)} {kind}: {names(paths)}" for kind, paths in kinds.items() if paths)
        fix = _fix(bool(found.changed), kinds["added"], made)
        return wrong(f"not the {found.listed} files that were made: {seen}", fix)
    if unfinished or not checksums:
        return warning("being made, or interrupted: not all parts are finished", f"To finish them, {made.again}")
    told = made.recipe(manifest)
    recipe = ", ".join(f"{key} {told[key]}" for key in ("poses", "world", "seed", "version") if key in told)
    return ok(f"{found.listed} files are those that were made ({recipe})")


def _fix(changed: bool, added: tuple[Path, ...], made: Made) -> str:
    """What to do, by what is wrong."""
    remove = " and ".join([*(["changed"] if changed else []), *(["added"] if added else [])])
    first = f"Remove the {remove} files" if remove else "To have the missing files again"
    return f"{first}, and {made.again}" if remove else f"{first}, {made.again}"
