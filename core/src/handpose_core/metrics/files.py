"""Reads 3D joints from the files other tools write: .npz, .npy and FreiHAND's JSON. Nothing is ever unpickled."""

import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_NAMES, N_JOINTS, WRIST

MM_PER_UNIT = {"mm": 1.0, "m": 1000.0}
_JOINTS = "joints_3d"
_MASKS = ("annotated", "visible")
_UNREADABLE = (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error)
_SHAPE = f"shape (N, {N_JOINTS}, 3) with N of at least 1"


class Prediction(NamedTuple):
    """What a file of predictions says."""

    joints: Float64[np.ndarray, "samples 21 3"]
    """In mm, finite."""
    ignored: tuple[str, ...]
    """What else the file holds that scoring joints has no use for."""


class Truth(NamedTuple):
    """What a file of true joints says."""

    joints: Float64[np.ndarray, "samples 21 3"]
    """In mm; 0 where not annotated."""
    annotated: Bool[np.ndarray, "samples 21"]
    """All, where the file does not say."""
    visible: Bool[np.ndarray, "samples 21"] | None
    """None where the file does not say."""
    ignored: tuple[str, ...]
    """What else the file holds that scoring joints has no use for."""


def read_prediction(path: Path, unit: str) -> Prediction:
    """Read predicted joints in canonical order.

    Args:
        path: .npz with ``joints_3d`` (N 21 3), .npy with the joints alone, or FreiHAND's JSON, a list of N hands
            or the pair (hands, vertices).
        unit: ``mm`` or ``m``, of .npz and .npy; FreiHAND's format is in metres.

    Raises:
        HandposeError: the file is missing, unreadable, of another shape or not finite, or its hands have a size
            that tells of another unit.
    """
    content = _read(path)
    joints = _joints(path, content[_JOINTS])
    every = np.ones(joints.shape[:2], dtype=bool)
    return Prediction(_to_mm(path, joints, every, unit), tuple(key for key in content if key != _JOINTS))


def read_truth(path: Path, unit: str) -> Truth:
    """Read true joints: as `read_prediction`, with optional masks ``annotated`` and ``visible`` (N 21) in a .npz.

    Raises:
        HandposeError: as `read_prediction`; joints that are not annotated may be anything.
    """
    content = _read(path)
    joints = _joints(path, content[_JOINTS])
    masks = {key: _mask(path, key, content[key], len(joints)) for key in _MASKS if key in content}
    annotated = masks.get("annotated", np.ones(joints.shape[:2], dtype=bool))
    ignored = tuple(key for key in content if key not in (_JOINTS, *_MASKS))
    return Truth(_to_mm(path, joints, annotated, unit), annotated, masks.get("visible"), ignored)


def _read(path: Path) -> dict[str, Any]:
    """What a file holds, by key, not yet checked."""
    if path.suffix not in _READERS:
        raise HandposeError(
            str(path), f"the suffix {path.suffix!r}", f"one of {', '.join(_READERS)}", "Convert the file first."
        )
    if not path.is_file():
        raise HandposeError(str(path), "no such file", "a file of 3D joints", "Correct the path.")
    return _READERS[path.suffix](path)


def _to_mm(
    path: Path, joints: Float64[np.ndarray, "samples 21 3"], needed: Bool[np.ndarray, "samples 21"], unit: str
) -> Float64[np.ndarray, "samples 21 3"]:
    """Check the needed joints, put 0 for the others, and convert."""
    _require_finite(path, joints, needed)
    joints = np.where(needed[..., None], joints, 0) * MM_PER_UNIT["m" if path.suffix == ".json" else unit]
    _require_hand_size(path, joints, needed)
    return joints


def _read_npz(path: Path) -> dict[str, Any]:
    with _opened(path, b"PK") as archive:
        if _JOINTS not in archive:
            raise HandposeError(
                str(path), f"the keys {', '.join(archive) or '(none)'}", f"a key {_JOINTS}", "Rename the array."
            )
        return {key: _member(path, archive, key) for key in (_JOINTS, *_MASKS) if key in archive}


def _member(path: Path, archive: Mapping[str, Any], key: str) -> Any:
    try:
        return archive[key]
    except _UNREADABLE as error:
        raise HandposeError(
            f"{path}, {key}", f"no plain array ({error})", "an array of numbers", "Save it as float32, not as objects."
        ) from error


def _read_npy(path: Path) -> dict[str, Any]:
    with _opened(path, b"\x93NUMPY") as array:
        return {_JOINTS: array}


@contextmanager
def _opened(path: Path, magic: bytes) -> Iterator[Any]:
    """What numpy loads from a file, never unpickled; the file stays open, as archives are read member by member."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            if file.read(len(magic)) != magic:
                raise ValueError("its first bytes are not those of this format")
            file.seek(0)
            content = np.load(file, allow_pickle=False)
        except _UNREADABLE as error:
            raise HandposeError(
                str(path), f"no readable {path.suffix} file ({error})", "an array of numbers", "Save it with numpy."
            ) from error
        yield content


def _read_freihand(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise HandposeError(
            str(path), f"no JSON ({error})", "FreiHAND's [xyz list, verts list] or xyz list", "Write it again."
        ) from error
    if not isinstance(content, list) or not content or not isinstance(content[0], list):
        raise HandposeError(
            str(path), "JSON of another form", "FreiHAND's [xyz list, verts list] or xyz list", "Write a list of hands."
        )
    is_pair = len(content) == 2 and _depth(content) == 4
    if not is_pair:
        return {_JOINTS: content}
    return {_JOINTS: content[0]} | ({"vertices": True} if content[1] else {})


def _depth(content: Any) -> int:
    """How many lists lie within each other, along the first element of each."""
    depth = 0
    while isinstance(content, list):
        content, depth = (content[0] if content else None), depth + 1
    return depth


_READERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    ".npz": _read_npz,
    ".npy": _read_npy,
    ".json": _read_freihand,
}


def _joints(path: Path, raw: Any) -> Float64[np.ndarray, "samples 21 3"]:
    where = f"{path}, {_JOINTS}"
    try:
        joints = np.asarray(raw)
    except ValueError as error:
        raise HandposeError(where, "hands of different lengths", _SHAPE, "Write 21 joints for each.") from error
    if joints.dtype.kind not in "fiu":
        raise HandposeError(where, f"type {joints.dtype}", "numbers", "Save the joints as float32.")
    if joints.ndim != 3 or joints.shape[1:] != (N_JOINTS, 3) or not len(joints):
        raise HandposeError(
            where, f"shape {joints.shape}", _SHAPE, "Put the joints in canonical order, one hand a row."
        )
    return joints.astype(np.float64)


def _mask(path: Path, key: str, raw: Any, samples: int) -> Bool[np.ndarray, "samples 21"]:
    if raw.shape != (samples, N_JOINTS) or raw.dtype.kind not in "biuf" or not np.isin(raw, (0, 1)).all():
        raise HandposeError(
            f"{path}, {key}",
            f"shape {raw.shape} of type {raw.dtype}",
            f"shape ({samples}, {N_JOINTS}) of booleans, as {_JOINTS} has {samples} hands",
            "Write one true or false a joint.",
        )
    mask: Bool[np.ndarray, "samples 21"] = raw.astype(bool)
    return mask


def _require_finite(
    path: Path, joints: Float64[np.ndarray, "samples 21 3"], annotated: Bool[np.ndarray, "samples 21"]
) -> None:
    broken = annotated & ~np.isfinite(joints).all(axis=-1)
    if broken.any():
        sample, joint = np.argwhere(broken)[0]
        raise HandposeError(
            f"{path}, {_JOINTS}, sample {sample}, joint {joint} ({JOINT_NAMES[joint]})",
            f"{joints[sample, joint].tolist()} ({int(broken.sum())} such joints in all)",
            "finite coordinates",
            "Predict every joint; in the truth, mark joints without a label in a key annotated (N, 21).",
        )


def _require_hand_size(
    path: Path, joints: Float64[np.ndarray, "samples 21 3"], needed: Bool[np.ndarray, "samples 21"]
) -> None:
    """Refuse hands a thousand times too small or too large: metres taken for mm, or the other way about.

    A hand reaches 50 to 250 mm from its wrist. Other odd sizes, as of a collapsed prediction, are scored as they are.
    """
    whole = joints[needed.all(axis=1)]
    if not len(whole):
        return
    size = float(np.median(np.linalg.norm(whole - whole[:, WRIST, None], axis=-1).max(axis=1)))
    if 0.02 < size < 0.5 or 20_000 < size < 500_000:
        given, other = ("mm", "m") if size < 1 else ("m", "mm")
        raise HandposeError(
            f"{path}, {_JOINTS}",
            f"hands of {size / MM_PER_UNIT[given]:.3g} {given} from the wrist to the farthest joint",
            f"50 to 250 mm: the file looks like {other}, but was read as {given}",
            "FreiHAND's format is in metres: divide by 1000." if path.suffix == ".json" else f"Say --units {other}.",
        )
