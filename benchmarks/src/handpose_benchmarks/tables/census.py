"""Tables of datasets: published facts, and beside them what folders of generated data say of themselves."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from handpose_core.datasets.mvhm_layout import read_manifest
from handpose_core.errors import HandposeError
from handpose_core.io import atomic
from handpose_core.io.commit import code_record

_COUNTED = "mvhm="


@dataclass(frozen=True)
class Holdings:
    """What a dataset holds, as a row has it.

    Attributes:
        rgb: Whether there are colour pictures.
        depth: Whether there are depth maps.
        pictures: ``real`` or ``synthetic``.
        resolution: Width and height of a picture, px.
        annotation: How its labels were made.
        size: How many pictures there are, as printed where it was.
        several_views: Whether several cameras saw each hand at a time.
        mesh: How its meshes were made; None where it has none.
    """

    rgb: bool
    depth: bool
    pictures: str
    resolution: tuple[int, int]
    annotation: str
    size: str
    several_views: bool
    mesh: str | None = None


@dataclass(frozen=True)
class Census:
    """A table of datasets.

    Attributes:
        number: Such as ``5.1``.
        title: What it shows.
        printed: The thesis's rows by name; its errors are mended, and `notes` says which.
        notes: What a reader must know, one sentence each.
    """

    number: str
    title: str
    printed: Mapping[str, Holdings]
    notes: Sequence[str]


def count_mvhm(root: Path) -> tuple[Holdings, Mapping[str, Any]]:
    """What a folder of ``handpose mvhm generate`` holds, by its manifest, and the manifest.

    Raises:
        HandposeError: there is no manifest, or a split is not finished: it may be counted when it is.
    """
    manifest = read_manifest(root)
    images: Mapping[str, int] = manifest.everything["images"]
    if unfinished := sorted(manifest.wanted.keys() - images.keys()):
        raise HandposeError(
            str(root), f"unfinished splits: {', '.join(unfinished)}", "a finished dataset",
            "Run the same `handpose mvhm generate` again: it goes on.",
        )  # fmt: skip
    side = int(manifest.everything["recipe"]["size"])
    total = sum(images.values())
    holdings = Holdings(True, True, "synthetic", (side, side), "exact", f"{total:,}", manifest.views > 1, "exact")
    return holdings, manifest.everything


def as_markdown(census: Census, measured: Mapping[str, Holdings]) -> str:
    """The printed rows, then the measured ones."""
    heads = ("dataset", "RGB", "depth", "image", "resolution", "annotation", "size", "multi-view", "mesh")
    rows = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    rows += [_row(name, holdings) for name, holdings in census.printed.items()]
    rows += [_row(f"**{name}**", holdings) for name, holdings in measured.items()]
    notes = "\n".join(f"- {note}" for note in census.notes)
    return f"# Table {census.number}: {census.title}\n\n" + "\n".join(rows) + f"\n\n{notes}\n"


def write_census(census: Census, data: str, out: Path, say: Callable[[str], None]) -> int:
    """Write ``table_5_1.md`` and ``table_5_1.json`` of generated data beside the published ones.

    Args:
        census: The table.
        data: The folder that is counted, as ``mvhm=PATH``.
        out: Where the results go.
        say: Takes the table.

    Returns:
        The exit status, 0.

    Raises:
        HandposeError: another dataset, or the folder is no finished one.
    """
    if not data.startswith(_COUNTED):
        expected = "mvhm=PATH, a folder made by `handpose mvhm generate`"
        raise HandposeError("--data", f"'{data}'", expected, "Name the folder: its manifest is what is counted.")
    root = Path(data.removeprefix(_COUNTED))
    holdings, manifest = count_mvhm(root)
    text = as_markdown(census, {f"MVHM in {root.name}": holdings})
    document = {
        "table": census.number,
        **code_record(),
        "printed": {name: asdict(printed) for name, printed in census.printed.items()},
        "measured": {**asdict(holdings), "manifest": manifest},
    }
    stem = f"table_{census.number.replace('.', '_')}"
    atomic.write_text(out / f"{stem}.md", text)
    atomic.write_text(out / f"{stem}.json", json.dumps(document, indent=2) + "\n")
    say(text.rstrip("\n"))
    return 0


def _row(name: str, holdings: Holdings) -> str:
    width, height = holdings.resolution
    cells = (
        name, _mark(holdings.rgb), _mark(holdings.depth), holdings.pictures, f"{width}×{height}", holdings.annotation,
        holdings.size, _mark(holdings.several_views), holdings.mesh or _mark(False),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _mark(there: bool) -> str:
    return "yes" if there else "no"
