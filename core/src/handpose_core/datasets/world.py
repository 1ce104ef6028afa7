"""Worlds that generated data show, read from the manifest that lies beside them.

The suite generates hands in two worlds: methods are pre-trained in the source world, and the target world stands in for
real data. What weights have seen of the two decides where they may be scored.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from handpose_core.datasets.mvhm_layout import MANIFEST as MVHM_MANIFEST

SOURCE, TARGET = "source", "target"
#: Of data without a manifest of the suite: the authors' own, or a user's.
NOT_GENERATED = "none"
#: Of data whose manifest does not tell: sets that a generator made, which has seen pictures of its own.
UNKNOWN = "unknown"
#: The rig of the target world; the source world's scenes can show it, too.
TARGET_RIG = "webxr"
_TWIN_MANIFEST, _GENERATED_MANIFEST = "synth.json", "generated.json"
_JOINT = " + "
_LEVELS = 3


def world_of(root: str | Path) -> str:
    """Name the world of the data in a folder, or in a folder of a dataset's.

    Args:
        root: The folder or file that a datamodule reads.

    Returns:
        ``source``, ``target``, ``source + target`` for scenes of the source world with the target's rig, `UNKNOWN`, or
        `NOT_GENERATED` for data that the suite did not generate.
    """
    path = Path(root)
    for folder in [path, *path.absolute().parents[: _LEVELS - 1]]:
        if (folder / _GENERATED_MANIFEST).is_file():
            return UNKNOWN
        if (folder / _TWIN_MANIFEST).is_file():
            world = _read(folder / _TWIN_MANIFEST).get("world")
            return world if world in (SOURCE, TARGET) else UNKNOWN
        if (folder / MVHM_MANIFEST).is_file():
            rig = _read(folder / MVHM_MANIFEST).get("recipe", {}).get("rig")
            return joined([SOURCE, TARGET] if rig == TARGET_RIG else [SOURCE])
    return NOT_GENERATED


def joined(worlds: Iterable[str]) -> str:
    """Join the worlds of several data.

    Args:
        worlds: As `world_of` names them.

    Returns:
        All of them, each once; `NOT_GENERATED` only where there is no other.
    """
    every = {word for world in worlds for word in world.split(_JOINT)}
    return _JOINT.join(sorted(every - {NOT_GENERATED}) or [NOT_GENERATED])


def split_worlds(text: str) -> frozenset[str]:
    """Split what `joined` joined.

    Args:
        text: As recorded with a training.

    Returns:
        The worlds, without `NOT_GENERATED`.
    """
    return frozenset(text.split(_JOINT)) - {NOT_GENERATED}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
