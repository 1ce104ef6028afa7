"""Reading a skinned hand from a .glb file (glTF 2.0 binary), joints found by their names.

Node names are those of WebXR (https://www.w3.org/TR/webxr-hand-input-1/), as the generic hands of
`@webxr-input-profiles/assets` have them. For other names put a JSON file of the same name beside the .glb,
``{"wrist": "node name", "thumb_cmc": ...}`` for all of `handpose_core.hand.JOINT_NAMES`.
"""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Integer
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_NAMES
from handpose_core.rig.asset import ARTICULATED, RigData
from handpose_core.rig.build import build_rig, curls_into_palm

_WEBXR_PARTS = {"mcp": "phalanx-proximal", "pip": "phalanx-intermediate", "dip": "phalanx-distal", "tip": "tip"}
_WEBXR_THUMB = {"cmc": "metacarpal", "mcp": "phalanx-proximal", "ip": "phalanx-distal", "tip": "tip"}
_COMPONENT_TYPES = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_JSON_CHUNK, _BINARY_CHUNK = 0x4E4F534A, 0x004E4942
_MM_PER_METRE = 1000.0


def load_glb(path: Path) -> RigData:
    """Read a rig; a left hand is mirrored into a right one. It has one shape: there are no components.

    Raises:
        HandposeError: the file is not a .glb, has no skinned mesh, or lacks one of the 21 joints.
    """
    document, binary = _chunks(path)
    skin, primitive = _skinned_primitive(path, document)
    attributes = primitive["attributes"]

    def read(accessor: int) -> ndarray:
        return _accessor(document, binary, accessor)

    names = [document["nodes"][node].get("name", "") for node in skin["joints"]]
    slots = _joint_slots(path, names)
    binds = read(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1).astype(np.float64)
    heads = np.linalg.inv(binds)[:, :3, 3] * _MM_PER_METRE
    vertices, faces, first = _weld(read(attributes["POSITION"]) * _MM_PER_METRE, read(primitive["indices"]))
    weights = _weights(read(attributes["JOINTS_0"])[first], read(attributes["WEIGHTS_0"])[first], slots, len(names))
    joints = heads[slots]
    if not curls_into_palm(joints):
        flip = np.array([-1.0, 1.0, 1.0])
        vertices, joints, faces = vertices * flip, joints * flip, faces[:, ::-1].copy()
    return build_rig(
        vertices, faces, joints, weights,
        shape_vertices=np.zeros((0, len(vertices), 3)), shape_joints=np.zeros((0, 21, 3)),
        licence=f"read from {path.name}: {document['asset'].get('copyright', 'no licence stated in the file')}",
    )  # fmt: skip


def webxr_name(joint: str) -> str:
    """The WebXR node name of a canonical joint."""
    if joint == "wrist":
        return joint
    finger, part = joint.split("_")
    if finger == "thumb":
        return f"thumb-{_WEBXR_THUMB[part]}"
    return f"{'pinky' if finger == 'little' else finger}-finger-{_WEBXR_PARTS[part]}"


def _chunks(path: Path) -> tuple[dict[str, Any], bytes]:
    """The JSON document and the binary chunk."""
    content = path.read_bytes()
    if content[:4] != b"glTF" or len(content) < 20:
        raise HandposeError(f"{path}", "something that is not a .glb", "a binary glTF 2.0 file", "Export it as .glb.")
    chunks, position = {}, 12
    while position + 8 <= len(content):
        length, kind = struct.unpack_from("<II", content, position)
        chunks[kind] = content[position + 8 : position + 8 + length]
        if len(chunks[kind]) < length:
            raise HandposeError(f"{path}", "a file that ends early", "a whole .glb", "Copy or export it again.")
        position += 8 + length
    return json.loads(chunks[_JSON_CHUNK]), chunks.get(_BINARY_CHUNK, b"")


def _skinned_primitive(path: Path, document: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    for node in document.get("nodes", []):
        if "mesh" in node and "skin" in node:
            primitive = document["meshes"][node["mesh"]]["primitives"][0]
            return document["skins"][node["skin"]], primitive
    raise HandposeError(f"{path}", "no skinned mesh", "a node with a mesh and a skin", "Export the mesh with its rig.")


def _accessor(document: dict[str, Any], binary: bytes, number: int) -> ndarray:
    """The array an accessor describes: one row an element; normalised integers become floats in 0..1."""
    accessor = document["accessors"][number]
    view = document["bufferViews"][accessor["bufferView"]]
    kind, width = np.dtype(_COMPONENT_TYPES[accessor["componentType"]]), _WIDTHS[accessor["type"]]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    stride = view.get("byteStride", kind.itemsize * width)
    rows = np.ndarray((accessor["count"], width), kind, binary, start, (stride, kind.itemsize))
    if accessor.get("normalized"):
        return rows / np.float32(255 if kind.itemsize == 1 else 65535)
    return rows.copy()


def _joint_slots(path: Path, names: list[str]) -> Int[ndarray, "21"]:
    """Where each canonical joint stands among the skin's joints."""
    beside = path.with_suffix(".json")
    wanted = (
        json.loads(beside.read_text("utf-8"))
        if beside.is_file()
        else {joint: webxr_name(joint) for joint in JOINT_NAMES}
    )
    missing = [joint for joint in JOINT_NAMES if wanted.get(joint) not in names]
    if missing:
        raise HandposeError(
            f"{path}", f"no joint for {', '.join(missing)}; its joints are {', '.join(names)}",
            "a skin joint for each of the 21", f"Name them in {beside.name}: {{canonical joint: node name}}.",
        )  # fmt: skip
    return np.array([names.index(wanted[joint]) for joint in JOINT_NAMES])


def _weld(
    positions: Float[ndarray, "p 3"], indices: Integer[ndarray, "i 1"]
) -> tuple[Float[ndarray, "v 3"], Int[ndarray, "f 3"], Int[ndarray, "v"]]:
    """Join vertices that differ only in texture coordinates; also which of the old ones each new one was."""
    _, first, merged = np.unique(positions.round(3), axis=0, return_index=True, return_inverse=True)
    faces = merged.reshape(-1)[indices.astype(np.int64)].reshape(-1, 3)
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return positions[first].astype(np.float64), faces[whole], first


def _weights(
    bones: Integer[ndarray, "v 4"], amounts: Float[ndarray, "v 4"], slots: Int[ndarray, "21"], count: int
) -> Float[ndarray, "v 16"]:
    """Weights of the articulated joints: tips count for their last phalanx, every other bone for the wrist."""
    owner = np.zeros(count, np.int64)
    for bone, joint in enumerate(ARTICULATED):
        owner[slots[joint]] = bone
    for tip in (4, 8, 12, 16, 20):
        owner[slots[tip]] = ARTICULATED.index(tip - 1)
    weights = np.zeros((len(bones), len(ARTICULATED)))
    np.add.at(weights, (np.arange(len(bones))[:, None], owner[bones]), amounts)
    return weights
