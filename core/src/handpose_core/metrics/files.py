"""Read 3D joints from the files other tools write: .npz, .npy and FreiHAND's JSON. Nothing is ever unpickled."""

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
from handpose_core.hand import JOINT_NAMES, JOINT_ORDERS, N_JOINTS
from handpose_core.io.foreign import refuse_foreign

MM_PER_UNIT = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
FREIHAND_UNIT = "m"
FREIHAND_SUFFIX = ".json"
JOINTS = "joints_3d"
_MASKS = ("annotated", "visible")
_PICTURE, _PICTURES = "picture", "names"  # of hands.npz, as handpose predict writes it
_UNREADABLE = (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error)
_SHAPE = f"shape (N, {N_JOINTS}, 3) with N of at least 1"
_LARGEST = 1e9  # in the file's unit; larger ones overflow when errors are squared
_NO_EXTENT = 1e-6  # in the file's unit
_HINTS = {
    (N_JOINTS * 3,): f"Reshape the rows to ({N_JOINTS}, 3), if they are x, y, z of one joint after another.",
    (3, N_JOINTS): "Transpose each hand: one joint a row.",
    (N_JOINTS, 4): "The fourth column looks like confidences: save joints_3d[..., :3].",
    (N_JOINTS, 2): "These look like joints in px: save those in 3D.",
    (2, N_JOINTS, 3): "These look like two hands a sample: save one hand a row.",
    (2 * N_JOINTS, 3): "These look like both hands of each sample: save one hand a row.",
    (N_JOINTS - 1, 3): "A joint is missing, perhaps the wrist: save it, too.",
    (1, N_JOINTS, 3): "Save joints_3d[:, 0].",
    (16, 3): "MANO's own joints have no fingertips: add the five vertices of the tips.",
    (778, 3): "These look like MANO's vertices: save the joints.",
    (3,): "This looks like a single hand: save joints_3d[None].",
}
"""The next step by the shape of a row."""


class Prediction(NamedTuple):
    """Predicted hands, as a file holds them."""

    joints: Float64[np.ndarray, "samples 21 3"]
    """mm, canonical order, finite; 0 where not predicted."""
    predicted: Bool[np.ndarray, " samples"]
    """False where a hand is NaN or has no extent."""
    ignored: tuple[str, ...]
    """Keys of the file that scoring joints has no use for."""


class Truth(NamedTuple):
    """True hands, as a file holds them."""

    joints: Float64[np.ndarray, "samples 21 3"]
    """mm, canonical order; 0 where not annotated."""
    annotated: Bool[np.ndarray, "samples 21"]
    """All by default; none of a hand without extent."""
    visible: Bool[np.ndarray, "samples 21"] | None
    """None where the file has no such key."""
    ignored: tuple[str, ...]
    """Keys of the file that scoring joints has no use for."""
    empty: int
    """Number of hands that are annotated, but have no extent."""


def unit_of(path: Path, units: str, own: str | None) -> str:
    """Return the unit in which a file is read.

    Args:
        path: the file.
        units: of .npz and .npy files; FreiHAND's JSON is in metres.
        own: of this very file, whatever its format, or None.

    Returns:
        A key of `MM_PER_UNIT`.
    """
    return own or (FREIHAND_UNIT if path.suffix.lower() == FREIHAND_SUFFIX else units)


def read_prediction(path: Path, unit: str, order: str = "canonical") -> Prediction:
    """Read predicted joints.

    Args:
        path: .npz with ``joints_3d`` (N 21 3), .npy with the joints alone, or FreiHAND's JSON, a list of N hands
            or the pair (hands, vertices). A hand that is NaN, or all of whose joints are in one place, counts as not
            predicted.
        unit: ``mm``, ``cm`` or ``m``.
        order: of the file's joints, a name out of `handpose_core.hand.JOINT_ORDERS`.

    Returns:
        The hands, in mm.

    Raises:
        HandposeError: the file is missing, unreadable, of another shape, or a joint is not finite.
    """
    content = _read(path)
    joints = _joints(path, content[JOINTS])[:, JOINT_ORDERS[order]]
    missing = np.isnan(joints).all(axis=(1, 2))
    _require_finite(path, joints, np.repeat(~missing[:, None], N_JOINTS, axis=1))
    joints[missing] = 0
    predicted = _have_extent(joints, np.ones(joints.shape[:2], dtype=bool))
    return Prediction(
        np.where(predicted[:, None, None], joints, 0) * MM_PER_UNIT[unit],
        predicted,
        tuple(key for key in content if key != JOINTS),
    )


def read_truth(path: Path, unit: str, order: str = "canonical") -> Truth:
    """Read true joints: as `read_prediction`, with optional masks ``annotated`` and ``visible`` (N 21) in a .npz.

    Args:
        path: as for `read_prediction`. Joints that are not annotated may be NaN.
        unit: ``mm``, ``cm`` or ``m``.
        order: of the file's joints, a name out of `handpose_core.hand.JOINT_ORDERS`.

    Returns:
        The hands, in mm.

    Raises:
        HandposeError: as `read_prediction`; and a mask is of another shape or type.
    """
    content = _read(path)
    rows = JOINT_ORDERS[order]
    joints = _joints(path, content[JOINTS])[:, rows]
    masks = {key: _mask(path, key, content[key], len(joints))[:, rows] for key in _MASKS if key in content}
    annotated = masks.get("annotated", np.ones(joints.shape[:2], dtype=bool))
    _require_finite(path, joints, annotated)
    joints = np.where(annotated[..., None], joints, 0) * MM_PER_UNIT[unit]
    empty = annotated.sum(axis=1) > 1
    empty &= ~_have_extent(joints, annotated)
    ignored = tuple(key for key in content if key not in (JOINTS, *_MASKS))
    return Truth(joints, annotated & ~empty[:, None], masks.get("visible"), ignored, int(empty.sum()))


def _have_extent(
    joints: Float64[np.ndarray, "samples 21 3"], needed: Bool[np.ndarray, "samples 21"]
) -> Bool[np.ndarray, " samples"]:
    """Whether the needed joints of each hand are in more than one place."""
    low = np.where(needed[..., None], joints, np.inf).min(axis=1)
    high = np.where(needed[..., None], joints, -np.inf).max(axis=1)
    extended: Bool[np.ndarray, " samples"] = (high - low).max(axis=1) > _NO_EXTENT
    return extended


def _read(path: Path) -> dict[str, Any]:
    """Read a file by its suffix; its arrays by key, not yet checked."""
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise HandposeError(
            str(path), f"the suffix {path.suffix!r}", f"one of {', '.join(_READERS)}", "Convert the file first."
        )
    if not path.is_file():
        raise HandposeError(str(path), "no such file", "a file of 3D joints", "Correct the path.")
    return _READERS[suffix](path)


def _read_npz(path: Path) -> dict[str, Any]:
    with _opened(path, b"PK") as archive:
        if JOINTS not in archive:
            raise HandposeError(
                str(path), f"the keys {', '.join(archive) or '(none)'}", f"a key {JOINTS}", "Rename the array."
            )
        content = {key: _member(path, archive, key) for key in (JOINTS, *_MASKS) if key in archive}
        if _PICTURE in archive and _PICTURES in archive:
            pictures = _member(path, archive, _PICTURE)
            content[JOINTS] = _by_picture(
                path, _joints(path, content[JOINTS]), pictures, np.size(_member(path, archive, _PICTURES))
            )
        return content


def _by_picture(
    path: Path, joints: Float64[np.ndarray, "hands 21 3"], pictures: Any, count: int
) -> Float64[np.ndarray, "pictures 21 3"]:
    """Put the hands that handpose predict wrote in their pictures' rows; NaN where a picture has none."""
    if (
        pictures.dtype.kind not in "iu"
        or pictures.shape != joints.shape[:1]
        or not np.isin(pictures, np.arange(count)).all()
    ):
        raise HandposeError(
            f"{path}, {_PICTURE}", "other pictures than names has", "the picture of each hand", "Predict again."
        )
    hands = np.bincount(pictures, minlength=count)
    if (hands > 1).any():
        raise HandposeError(
            f"{path}, {_PICTURE}",
            f"{int((hands > 1).sum())} pictures with several hands, the first is row {int(hands.argmax())} of names",
            "one hand a picture, as the truth has one a sample",
            "Keep the hand that belongs to the truth.",
        )
    placed = np.full((count, *joints.shape[1:]), np.nan)
    placed[pictures] = joints
    return placed


def _member(path: Path, archive: Mapping[str, Any], key: str) -> Any:
    try:
        return archive[key]
    except _UNREADABLE as error:
        raise HandposeError(
            f"{path}, {key}", f"no plain array ({error})", "an array of numbers", "Save it as float32, not as objects."
        ) from error


def _read_npy(path: Path) -> dict[str, Any]:
    with _opened(path, b"\x93NUMPY") as array:
        return {JOINTS: array}


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
            refuse_foreign(path, "an array of numbers", zipped=True)
            raise HandposeError(
                str(path), f"no readable {path.suffix} file ({error})", "an array of numbers", "Save it with numpy."
            ) from error
        yield content


def _read_freihand(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, OSError, RecursionError) as error:
        refuse_foreign(path, "FreiHAND's [xyz list, verts list] or xyz list")
        raise HandposeError(
            str(path), f"no JSON ({error})", "FreiHAND's [xyz list, verts list] or xyz list", "Write it again."
        ) from error
    if not isinstance(content, list) or not content or not isinstance(content[0], list):
        raise HandposeError(
            str(path), "JSON of another form", "FreiHAND's [xyz list, verts list] or xyz list", "Write a list of hands."
        )
    is_pair = len(content) == 2 and _depth(content) == 4
    if not is_pair:
        return {JOINTS: content}
    return {JOINTS: content[0]} | ({"vertices": True} if content[1] else {})


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
    where = f"{path}, {JOINTS}"
    try:
        joints = np.asarray(raw)
    except ValueError as error:
        raise HandposeError(where, "hands of different lengths", _SHAPE, "Write 21 joints for each.") from error
    if joints.dtype.kind not in "fiu":
        raise HandposeError(where, f"type {joints.dtype}", "numbers", "Save the joints as float32.")
    if joints.ndim != 3 or joints.shape[1:] != (N_JOINTS, 3) or not len(joints):
        raise HandposeError(
            where, f"shape {joints.shape}", _SHAPE, _HINTS.get(joints.shape[1:], "Save the joints of one hand a row.")
        )
    return joints.astype(np.float64)


def _mask(path: Path, key: str, raw: Any, samples: int) -> Bool[np.ndarray, "samples 21"]:
    if raw.shape != (samples, N_JOINTS) or raw.dtype.kind not in "biuf" or not np.isin(raw, (0, 1)).all():
        raise HandposeError(
            f"{path}, {key}",
            f"shape {raw.shape} of type {raw.dtype}",
            f"shape ({samples}, {N_JOINTS}) of booleans, as {JOINTS} has {samples} hands",
            "Write one true or false a joint.",
        )
    mask: Bool[np.ndarray, "samples 21"] = raw.astype(bool)
    return mask


def _require_finite(
    path: Path, joints: Float64[np.ndarray, "samples 21 3"], annotated: Bool[np.ndarray, "samples 21"]
) -> None:
    broken = annotated & ~(np.abs(joints) <= _LARGEST).all(axis=-1)
    if broken.any():
        sample, joint = np.argwhere(broken)[0]
        raise HandposeError(
            f"{path}, {JOINTS}, sample {sample}, joint {joint} ({JOINT_NAMES[joint]})",
            f"{joints[sample, joint].tolist()} ({int(broken.sum())} such joints in all)",
            f"finite coordinates, up to {_LARGEST:g}",
            "Predict every joint; in the truth, mark joints without a label in a key annotated (N, 21).",
        )
