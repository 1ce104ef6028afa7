"""What each layout's labels and pictures are to the checks: a module a layout, the rest through its reader."""

from collections.abc import Callable
from pathlib import Path

from handpose_core.checks.part import Part
from handpose_core.checks.parts.mvhm import mvhm_parts
from handpose_core.checks.parts.rhd import rhd_parts
from handpose_core.checks.parts.sampled import sampled_parts
from handpose_core.checks.parts.stb import PUBLISHED as STB_PARTS
from handpose_core.checks.parts.stb import stb_parts
from handpose_core.datasets.detect import Layout

_PARTS: dict[str, Callable[[Path, int], list[Part]]] = {
    "RHD": rhd_parts,
    "STB": stb_parts,
    "MVHM": mvhm_parts,
}
"""Layouts whose labels are read without their pictures, and so all of them, or whose files are no pictures."""


def parts_of(root: Path, layout: Layout, at_most: int) -> list[Part]:
    """The parts of a dataset that are there.

    Args:
        root: Its folder.
        layout: Its layout.
        at_most: How many labels' pictures to look at, all parts together.
    """
    own = _PARTS.get(layout.name)
    return sampled_parts(root, layout, at_most) if own is None else own(root, at_most)


def published_parts(layout: Layout) -> tuple[str, ...]:
    """Names of the parts that the authors' release has."""
    return STB_PARTS if layout.name == "STB" else tuple(split.name for split in layout.splits)
