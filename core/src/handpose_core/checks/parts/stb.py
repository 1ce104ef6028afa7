"""STB's sequences as the checks look at them: the labels of each rig, and its pictures where there are any."""

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from handpose_core.checks.part import DepthPicture, Files, Labels, Part, Pictures
from handpose_core.datasets.detect import misnamed
from handpose_core.datasets.images import read_rgb, read_stored_rgb
from handpose_core.datasets.mat_files import load_mat
from handpose_core.datasets.parsing import kind
from handpose_core.datasets.stb_layout import (
    CAMERAS,
    FRAMES,
    LABEL_FIELD,
    SEQUENCES,
    SK_DEPTH_K,
    Camera,
    Kind,
    Rig,
    decode_depth,
    image_path,
    label_path,
)
from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_ORDERS, N_JOINTS, Side

_KINDS: dict[Rig, tuple[Kind, ...]] = {"BB": ("BB_left", "BB_right"), "SK": ("SK_color", "SK_depth")}
_CAMERAS: dict[Rig, Camera] = {"BB": CAMERAS["bb_left"], "SK": CAMERAS["sk"]}


def _name(sequence: str, rig: Rig) -> str:
    return f"{sequence} {rig}"


PUBLISHED = tuple(_name(sequence, rig) for sequence in SEQUENCES for rig in _KINDS)
"""Names of all parts of the authors' release."""


def stb_parts(root: Path, at_most: int) -> list[Part]:
    """Every sequence and rig of which labels or pictures are there; label files may also lie in the root itself."""
    here = [
        (sequence, rig, label)
        for sequence in SEQUENCES
        for rig in _KINDS
        if (label := _label_file(root, sequence, rig)).is_file()
        or any((root / "images" / sequence).glob(f"{rig}_*.png"))
    ]
    return [_part(root, sequence, rig, label, -(-at_most // len(here))) for sequence, rig, label in here]


def _label_file(root: Path, sequence: str, rig: Rig) -> Path:
    usual = label_path(root, sequence, rig)
    return usual if (root / "labels").is_dir() else root / usual.name


def _part(root: Path, sequence: str, rig: Rig, label: Path, at_most: int) -> Part:
    name, nothing = _name(sequence, rig), np.empty(0, int)
    files = [_files(root, sequence, kind, 0) for kind in _KINDS[rig]]
    if not label.is_file():
        return Part(name, [*files, Files("label file", [], 1, 1)], None, None, nothing, 0)
    try:
        joints = _read(label)
    except HandposeError as error:
        return Part(name, files, None, None, nothing, 0, error)
    labels = _labels(joints, label, SEQUENCES.index(sequence), rig)
    files = [_files(root, sequence, kind, len(joints)) for kind in _KINDS[rig]]
    colour = {path.name for path in files[0].present}
    first = _KINDS[rig][0]
    pictured = [n for n in range(len(joints)) if image_path(root, sequence, first, n).name in colour]
    read = partial(_pictures, root, sequence, rig, labels)
    return Part(name, [*files, Files("label file", [label], 1, 1)], labels, read, np.array(pictured, int), at_most)


def _files(root: Path, sequence: str, kind: Kind, listed: int) -> Files:
    folder = root / "images" / sequence
    left_out = misnamed(root, f"images/{sequence}/{kind}_*.png")
    return Files(kind, sorted(folder.glob(f"{kind}_*.png")), listed, FRAMES, left_out=left_out)


def _read(path: Path) -> Float64[ndarray, "frames 21 3"]:
    """The joints in canonical order, whatever their values; the reader stops at the first that is no number."""
    value = load_mat(path, "the authors' labels", [LABEL_FIELD]).get(LABEL_FIELD)
    if (
        not isinstance(value, ndarray)
        or value.ndim != 3
        or value.shape[:2] != (3, N_JOINTS)
        or value.dtype.kind not in "iuf"
    ):
        raise HandposeError(f"{path}, {LABEL_FIELD}", kind(value), f"3 x {N_JOINTS} x n numbers", "Get the file again.")
    return value.astype(np.float64).transpose(2, 1, 0)[:, JOINT_ORDERS["stb"]]


def _labels(joints: Float64[ndarray, "n 21 3"], path: Path, sequence: int, rig: Rig) -> Labels:
    K = SK_DEPTH_K if rig == "SK" else CAMERAS["bb_left"].K
    return Labels(
        names=[f"frame {number}" for number in range(len(joints))],
        joints_2d=None,
        joints_3d=joints,
        K=np.broadcast_to(K, (len(joints), 3, 3)),
        visible=np.ones(joints.shape[:2], bool),
        side=np.full(len(joints), int(Side.LEFT)),
        sequence=np.full(len(joints), sequence),
        unit="mm",
        order="stb",
        root="palm",
        source=str(path),
    )


def _pictures(root: Path, sequence: str, rig: Rig, labels: Labels, row: int) -> Pictures:
    assert labels.joints_3d is not None
    joints, camera = labels.joints_3d[row], _CAMERAS[rig]
    depth = image_path(root, sequence, "SK_depth", row)
    return Pictures(
        row=row,
        image=read_rgb(image_path(root, sequence, camera.kind, row)),
        joints_2d=_project(camera.from_labels(joints), camera.K),
        visible=labels.visible[row],
        depth=DepthPicture(read_stored_rgb(depth), decode_depth, _project(joints, SK_DEPTH_K), joints[:, 2])
        if rig == "SK" and depth.is_file()
        else None,
    )


def _project(joints: Float64[ndarray, "21 3"], K: Float64[ndarray, "3 3"]) -> Float64[ndarray, "21 2"]:
    points = joints @ K.T
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels: Float64[ndarray, "21 2"] = points[:, :2] / points[:, 2:]
    return pixels
