"""The target world's rig and the shape components worked out for it."""

import numpy as np
import pytest

from handpose_core.hand import FINGER_JOINTS
from handpose_core.mesh import boundary_loops
from handpose_core.rig import load_rig
from handpose_core.rig.shapes import part_shapes


@pytest.fixture(scope="module")
def rig():
    return load_rig("webxr")


def chain_length(joints, finger):
    return np.linalg.norm(np.diff(joints[list(FINGER_JOINTS[finger])], axis=0), axis=1).sum()


def test_second_rig_is_another_closed_right_hand(rig):
    assert "MIT" in rig.licence
    assert boundary_loops(rig.faces) == ()
    assert len(rig.wrist_loop) > 8
    assert rig.joints[4, 0] > rig.joints[20, 0]
    assert len(rig.vertices) != len(load_rig().vertices)
    assert not np.allclose(rig.joints, load_rig().joints, atol=3)


@pytest.mark.parametrize(("number", "finger"), list(enumerate(FINGER_JOINTS, start=1)))
def test_a_length_component_changes_one_finger_by_six_per_cent(rig, number, finger):
    longer = rig.joints + rig.shape_joints[number]
    for other in FINGER_JOINTS:
        expected = 1.06 if other == finger else 1.0
        assert chain_length(longer, other) / chain_length(rig.joints, other) == pytest.approx(expected, abs=0.01)


def test_thickness_moves_skin_away_from_the_bones_and_no_joint(rig):
    number = 6
    np.testing.assert_allclose(rig.shape_joints[number], 0, atol=0.3)
    start, end = rig.joints[10], rig.joints[11]
    line = (end - start) / np.linalg.norm(end - start)
    around = rig.weights[:, 8] > 0.95
    offset = rig.vertices[around] - start
    radial = offset - (offset @ line)[:, None] * line
    np.testing.assert_allclose(rig.shape_vertices[number][around], 0.09 * radial, atol=0.15)


def test_size_component_scales_everything(rig):
    vertices, joints = part_shapes(rig.vertices, rig.joints, rig.weights)
    np.testing.assert_allclose(vertices[0], 0.045 * rig.vertices, rtol=1e-5)
    np.testing.assert_allclose(joints[0], 0.045 * rig.joints, rtol=1e-5)
