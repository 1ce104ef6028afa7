"""Labels of a folder of images: an ``.npz`` with a row a picture, or a COCO-style JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from handpose_core.datasets.parsing import field, kind, numbers, read_json, without_rest, without_unflagged
from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS, Side
from handpose_core.io.foreign import refuse_foreign

SHAPES: dict[str, tuple[int, ...]] = {
    "joints_2d": (N_JOINTS, 2),
    "joints_3d": (N_JOINTS, 3),
    "annotated": (N_JOINTS,),
    "visible": (N_JOINTS,),
    "K": (3, 3),
    "side": (),
}
"""What can be labelled, and its shape for one sample: px, mm (camera frame), flags, px, `hand.Side`."""
PER_JOINT = ("joints_2d", "joints_3d", "annotated", "visible")
FLAGS = ("annotated", "visible")


@dataclass(frozen=True)
class FolderLabels:
    """Labels of some pictures.

    Attributes:
        path: The file they come from, None without one.
        names: The picture of each row.
        rows: By name out of `SHAPES`, one row a sample, joints in the file's order.
    """

    path: Path | None
    names: tuple[str, ...]
    rows: dict[str, ndarray]


def read_labels(path: Path, pictures: Sequence[str]) -> FolderLabels:
    """The labels in a file.

    Args:
        path: An ``.npz`` or ``.json``.
        pictures: The pictures that an ``.npz`` has rows for, in their order.

    Raises:
        HandposeError: the file is missing, damaged or of another kind, or a field is unknown, of another shape, not
            finite, or not in all entries.
    """
    readers = {".npz": _read_npz, ".json": _read_coco}
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise HandposeError(str(path), f"a {path.suffix or 'nameless'} file", ".npz or .json", "Convert it.")
    labels = readers[suffix](path, pictures)
    if "joints_3d" in labels.rows and not {"joints_2d", "K"} & labels.rows.keys():
        raise HandposeError(
            str(path), "joints_3d alone", "K or joints_2d with it", "Add the camera's intrinsics as K (px)."
        )
    return labels


def _read_npz(path: Path, pictures: Sequence[str]) -> FolderLabels:
    try:
        # Opened here: numpy leaves a damaged file that it opened itself open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            arrays = dict(content)
    except OSError as error:
        found = "no such file" if not path.is_file() else f"a file that cannot be read ({error})"
        raise HandposeError(str(path), found, "an .npz of labels", "Check the path.") from error
    except Exception as error:  # numpy, zipfile and zlib raise many kinds on damaged files
        refuse_foreign(path, "labels written by numpy.savez", zipped=True)
        raise HandposeError(
            str(path),
            f"a file that is no .npz of numbers ({error})",
            "labels written by numpy.savez",
            "Write it again.",
        ) from error
    if unknown := sorted(arrays.keys() - SHAPES.keys()):
        raise HandposeError(
            f"{path}, {unknown[0]}",
            "a field of this name",
            f"fields out of {', '.join(SHAPES)}",
            "Rename or remove it.",
        )
    rows = {}
    if "annotated" in arrays:
        rows["annotated"] = _rows(f"{path}, annotated", "annotated", arrays.pop("annotated"), len(pictures))
    for name, array in arrays.items():
        labelled = without_rest(array, rows.get("annotated")) if name in PER_JOINT else array
        rows[name] = _rows(f"{path}, {name}", name, labelled, len(pictures))
    return FolderLabels(path, tuple(pictures), rows)


def _rows(where: str, name: str, value: Any, count: int) -> ndarray:
    """One field's rows; a K or side can be one for all."""
    shape = SHAPES[name]
    array = np.asarray(value, np.float64) if getattr(value, "dtype", None) == np.bool_ else value
    if name in ("K", "side") and np.ndim(array) == len(shape):
        array = np.broadcast_to(array, (count, *shape))
    checked = numbers(where, array, (count, *shape))
    if name in (*FLAGS, "side") and not np.isin(checked, (0, 1)).all():
        raise HandposeError(where, f"{checked[~np.isin(checked, (0, 1))][0]}", "0 or 1 only", "Correct it.")
    return checked > 0 if name in FLAGS else checked


def _read_coco(path: Path, pictures: Sequence[str]) -> FolderLabels:
    """A sample an annotation, as MMPose's sample files have them.

    ``keypoints`` are rows of x, y and a flag, 0 without a label; with ``joint_cam`` (mm) all joints have one and the
    flag says whether they can be seen. An image's ``cam_param`` gives K, an annotation's ``hand_type`` the side.
    """
    content = read_json(path)
    images: dict[Any, Any] = {}
    for i, image in enumerate(_list(path, content, "images")):
        images[_plain(f"{path}, images[{i}]", image, "id")] = image
    names, entries = [], []
    for i, annotation in enumerate(_list(path, content, "annotations")):
        where = f"{path}, annotations[{i}]"
        image = images.get(_plain(where, annotation, "image_id"))
        if image is None:
            raise HandposeError(f"{where}, image_id", repr(annotation["image_id"]), "an image's id", "Correct it.")
        names.append(str(_plain(where, image, "file_name")))
        entries.append(_coco_entry(where, annotation, image))
    for i, entry in enumerate(entries):
        if odd := sorted(entry.keys() ^ entries[0].keys()):
            raise HandposeError(
                f"{path}, annotations[{i}]",
                f"a mix: only some annotations give {', '.join(odd)}",
                "the same in every annotation",
                "Split the file, or leave this out of all of them.",
            )
    return FolderLabels(path, tuple(names), {name: np.stack([entry[name] for entry in entries]) for name in entries[0]})


def _coco_entry(where: str, annotation: Any, image: Any) -> dict[str, ndarray]:
    keypoints = field(where, annotation, "keypoints")
    flat = isinstance(keypoints, list) and len(keypoints) == 3 * N_JOINTS
    rows = [keypoints[i : i + 3] for i in range(0, len(keypoints), 3)] if flat else keypoints
    if "joint_cam" not in annotation:
        rows = without_unflagged(rows)
    points = numbers(f"{where}, keypoints", rows, (N_JOINTS, 3))
    flagged, all_joints = points[:, 2] > 0, np.ones(N_JOINTS, bool)
    entry = {"joints_2d": points[:, :2], "annotated": flagged, "visible": flagged}
    if "joint_cam" in annotation:
        entry |= {"joints_3d": numbers(f"{where}, joint_cam", annotation["joint_cam"], (N_JOINTS, 3))}
        entry |= {"annotated": all_joints}
    if "cam_param" in image:
        (fx, fy), (cx, cy) = (
            numbers(f"{where}, its image's {name}", field(where, image["cam_param"], name), (2,))
            for name in ("focal", "princpt")
        )
        entry["K"] = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    if "hand_type" in annotation:
        entry["side"] = np.array(float(_side(f"{where}, hand_type", annotation["hand_type"])))
    return entry


def _side(where: str, value: object) -> Side:
    sides = {"left": Side.LEFT, "right": Side.RIGHT}
    if not isinstance(value, str) or value not in sides:
        raise HandposeError(where, repr(value)[:60], "left or right", "Correct it.")
    return sides[value]


def _list(path: Path, content: object, name: str) -> list[Any]:
    entries = field(str(path), content, name)
    if not isinstance(entries, list) or not entries:
        raise HandposeError(f"{path}, {name}", kind(entries), "a list with entries", "Write it as COCO has it.")
    return entries


def _plain(where: str, entry: object, name: str) -> str | int:
    value = field(where, entry, name)
    if not isinstance(value, str | int):
        raise HandposeError(f"{where}, {name}", kind(value), "a number or a text", "Correct it.")
    return value


def pictures_of(labels: FolderLabels, pictures: Sequence[str]) -> Int[ndarray, " rows"]:
    """Find the picture of each row; accents count as the same whether they are composed (NFC) or not (NFD, macOS).

    Args:
        labels: Rows with the names of their pictures.
        pictures: Names of the pictures that are there.

    Returns:
        The position of each row's picture, -1 where there is none.
    """
    position = {normalize("NFC", name): i for i, name in enumerate(pictures)}
    position |= {name: i for i, name in enumerate(pictures)}
    return np.array([position.get(name, position.get(normalize("NFC", name), -1)) for name in labels.names])
