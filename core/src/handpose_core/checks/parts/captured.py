"""A captured video as the checks look at it: ``images/`` beside ``labels.npz`` with ``joints_3d`` and ``K``."""

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from handpose_core.checks.part import NO_SIDE, Files, Labels, Part, Pictures
from handpose_core.datasets.images import read_rgb
from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS

_SUFFIXES = (".jpg", ".jpeg", ".png")


def captured_parts(root: Path, at_most: int) -> list[Part]:
    """The one video; its images in the order of their names belong to the labels in theirs."""
    path = root / "labels.npz"
    images = sorted(entry for entry in (root / "images").glob("*") if entry.suffix.lower() in _SUFFIXES)
    try:
        labels = _labels(path)
    except HandposeError as error:
        return [Part("all", [Files("images", images, 0, 0)], None, None, np.empty(0, int), 0, error)]
    pictured = np.arange(len(images) if len(images) == len(labels) else 0)
    files = [Files("images", images, len(labels), len(labels))]
    return [Part("all", files, labels, partial(_pictures, images, labels), pictured, at_most)]


def _labels(path: Path) -> Labels:
    joints = _read(path, "joints_3d", (N_JOINTS, 3))
    K = _read(path, "K", (3, 3))
    if len(K) != len(joints):
        raise HandposeError(f"{path}, K", f"{len(K)} of them", f"{len(joints)}, one a frame", "Write the file again.")
    return Labels(
        names=[f"frame {number}" for number in range(len(joints))],
        joints_2d=None,
        joints_3d=joints,
        K=K,
        visible=np.ones(joints.shape[:2], bool),
        side=np.full(len(joints), NO_SIDE),
        sequence=np.zeros(len(joints), int),
        unit="mm",
        order="canonical",
        root="wrist",
        source=str(path),
    )


def _read(path: Path, name: str, shape: tuple[int, int]) -> Float64[ndarray, "n _ 3"]:
    try:
        with np.load(path, allow_pickle=False) as content:
            value = content[name]
    except Exception as error:  # a damaged archive can raise nearly anything
        raise HandposeError(
            f"{path}, {name}", f"nothing that can be read ({error})", "an array", "Write the file again."
        ) from error
    if value.shape[1:] != shape or value.ndim != 3 or value.dtype.kind not in "iuf":
        expected = f"n x {shape[0]} x {shape[1]} numbers"
        raise HandposeError(f"{path}, {name}", f"shape {value.shape}, {value.dtype}", expected, "Write it again.")
    return value.astype(np.float64)


def _pictures(images: list[Path], labels: Labels, row: int) -> Pictures:
    pixels = labels.project(np.array([row]))
    assert pixels is not None
    return Pictures(row, read_rgb(images[row]), pixels[0], labels.visible[row])
