"""Fingerprints of generated data, which hold `handpose_core.DATA_VERSION`: data that change are of another version.

Labels are kept as they are, pictures as the means of 4 x 4 blocks and the deviation of each channel: processors and
library versions round differently, and what is compared is far above that.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from handpose_core import DATA_VERSION

ANEW = "HANDPOSE_NEW_FINGERPRINTS"
#: mm and px of labels, grey levels of pictures.
TOLERANCES = {"labels": 0.05, "pictures": 1.0}
BLOCKS = 4
Fingerprint = dict[str, list[float]]


def fingerprint(labels: Sequence[np.ndarray] = (), pictures: Sequence[np.ndarray] = ()) -> Fingerprint:
    """Return the fingerprint of a sample."""
    return {
        "labels": _rounded(np.concatenate([np.asarray(array, float).ravel() for array in (*labels, [0.0])])),
        "pictures": _rounded(np.concatenate([_blocks(picture) for picture in pictures] or [np.zeros(1)])),
    }


def hold_version(found: Mapping[str, Fingerprint], path: Path) -> None:
    """Compare fingerprints with those kept for the present data version."""
    kept = json.loads(path.read_text("utf-8")) if path.is_file() else {"data_version": None}
    if kept["data_version"] != DATA_VERSION:
        wanted = f"{kept['data_version']} is kept in {path.name}; for {DATA_VERSION} set {ANEW}=1 and run this again"
        assert os.environ.get(ANEW), wanted
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(values)}" for name, values in found.items())
        text = f'{{"data_version": {json.dumps(DATA_VERSION)}, "samples": {{\n{lines}\n}}}}\n'
        path.write_text(text, "utf-8")
        return
    assert differences(found, kept["samples"]) == [], "generated data changed: raise handpose_core.DATA_VERSION"


def differences(found: Mapping[str, Fingerprint], kept: Mapping[str, Fingerprint]) -> list[str]:
    """Return the names of samples that are not the kept ones, and how far they are off."""
    changed = [f"{name}: not kept" for name in found.keys() ^ kept.keys()]
    for name in found.keys() & kept.keys():
        for kind, tolerance in TOLERANCES.items():
            mine, theirs = (np.array(each[name][kind]) for each in (found, kept))
            if mine.shape != theirs.shape:
                changed.append(f"{name}, {kind}: another shape")
            elif (worst := np.abs(mine - theirs).max()) > tolerance:
                changed.append(f"{name}, {kind}: by {worst:.3f}")
    return sorted(changed)


def _blocks(picture: np.ndarray) -> np.ndarray:
    image = np.atleast_3d(np.asarray(picture, float))
    height, width, channels = image.shape
    image = image[: height - height % BLOCKS, : width - width % BLOCKS]
    split = image.reshape(BLOCKS, height // BLOCKS, BLOCKS, width // BLOCKS, channels)
    return np.concatenate([split.mean(axis=(1, 3)).ravel(), image.std(axis=(0, 1))])


def _rounded(values: np.ndarray) -> list[float]:
    return np.round(values, 3).tolist()
