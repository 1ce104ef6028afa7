"""Loading another rig: a .glb written here with the packaged hand in it must come back as the same hand."""

import json
import struct

import numpy as np
import pytest
import torch

from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_NAMES
from handpose_core.rig import ARTICULATED, HandRig, load_rig
from handpose_core.rig.glb import webxr_name


def write_glb(path, flip: float = 1.0, names=None, drop: str = ""):
    """The packaged hand in metres, turned and moved, as a binary glTF with WebXR's joint names."""
    rig = load_rig()
    turn = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    mirror = np.array([flip, 1.0, 1.0])
    vertices = (rig.vertices * mirror @ turn.T + 30) / 1000
    joints = (rig.joints * mirror @ turn.T + 30) / 1000
    faces = rig.faces if flip > 0 else rig.faces[:, ::-1]
    names = names or [webxr_name(joint) for joint in JOINT_NAMES]
    kept = [i for i, joint in enumerate(JOINT_NAMES) if joint != drop]
    order = np.argsort(-rig.weights, axis=1)[:, :4]
    amounts = np.take_along_axis(rig.weights, order, axis=1)
    bones = np.array([kept.index(ARTICULATED[b]) if ARTICULATED[b] in kept else 0 for b in range(16)])[order]
    binds = np.tile(np.eye(4), (len(kept), 1, 1))
    binds[:, :3, 3] = -joints[kept]
    arrays = [
        (vertices.astype("<f4"), 5126, "VEC3"),
        (bones.astype("<u1"), 5121, "VEC4"),
        ((amounts / amounts.sum(1, keepdims=True)).astype("<f4"), 5126, "VEC4"),
        (faces.reshape(-1, 1).astype("<u2"), 5123, "SCALAR"),
        (binds.transpose(0, 2, 1).reshape(-1, 16).astype("<f4"), 5126, "MAT4"),
    ]
    binary, views, accessors = b"", [], []
    for array, kind, shape in arrays:
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": array.nbytes})
        accessors.append({"bufferView": len(views) - 1, "componentType": kind, "count": len(array), "type": shape})
        binary += array.tobytes() + b"\0" * (-array.nbytes % 4)
    nodes = [{"name": names[i]} for i in kept]
    document = {
        "asset": {"version": "2.0", "copyright": "nobody"},
        "nodes": [*nodes, {"mesh": 0, "skin": 0}],
        "skins": [{"joints": list(range(len(kept))), "inverseBindMatrices": 4}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "JOINTS_0": 1, "WEIGHTS_0": 2}, "indices": 3}]}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(binary)}],
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    path.write_bytes(b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks)


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_right_and_left_hands_come_back_in_the_canonical_frame(tmp_path, flip):
    write_glb(tmp_path / "hand.glb", flip)
    rig, packaged = HandRig(tmp_path / "hand.glb"), HandRig()
    torch.testing.assert_close(rig.joints, packaged.joints, atol=0.02, rtol=0)
    assert len(rig.vertices) == len(packaged.vertices)
    assert "nobody" in rig.data.licence
    posed = rig(torch.eye(3).expand(1, 15, 3, 3), torch.zeros(1, rig.n_shapes))
    torch.testing.assert_close(posed.joints[0], packaged.joints, atol=0.02, rtol=0)


def test_other_names_are_read_from_the_json_beside_it(tmp_path):
    names = [f"bone_{i}" for i in range(21)]
    write_glb(tmp_path / "hand.glb", names=names)
    with pytest.raises(HandposeError, match=r"hand\.json"):
        load_rig(tmp_path / "hand.glb")
    (tmp_path / "hand.json").write_text(json.dumps(dict(zip(JOINT_NAMES, names, strict=True))))
    assert load_rig(tmp_path / "hand.glb").joints.shape == (21, 3)


def test_a_missing_joint_is_named(tmp_path):
    write_glb(tmp_path / "hand.glb", drop="ring_tip")
    with pytest.raises(HandposeError, match="ring_tip"):
        load_rig(tmp_path / "hand.glb")


def test_truncated_and_foreign_files_are_refused(tmp_path):
    write_glb(tmp_path / "hand.glb")
    whole = (tmp_path / "hand.glb").read_bytes()
    (tmp_path / "half.glb").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HandposeError, match="ends early"):
        load_rig(tmp_path / "half.glb")
    (tmp_path / "text.glb").write_text("solid hand, but as text")
    with pytest.raises(HandposeError, match="binary glTF"):
        load_rig(tmp_path / "text.glb")
