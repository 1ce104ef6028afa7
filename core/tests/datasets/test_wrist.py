import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handpose_core.datasets.wrist import WRIST_RULES, palm_to_wrist, root_joint, wrist_to_palm
from handpose_core.hand import JOINT_NAMES

JOINTS = arrays(np.float64, (2, 21, 3), elements=st.floats(-1000, 1000))


@pytest.mark.parametrize("rule", WRIST_RULES)
@given(joints=JOINTS)
def test_there_and_back(rule, joints):
    moved = palm_to_wrist(joints, rule)
    np.testing.assert_array_equal(moved[:, 1:], joints[:, 1:])
    np.testing.assert_allclose(wrist_to_palm(moved, rule), joints, atol=1e-9)


@pytest.mark.parametrize(
    ("rule", "wrist"),
    [("ring_2.0", [-40.0, -100, 0]), ("middle_2.2", [0.0, -120, 0]), ("mean_2.25", [0, -125, 0]), ("palm", [0, 0, 0])],
)
def test_rules_by_hand(rule, wrist):
    joints = np.zeros((21, 3))
    for x, finger in ((-20, "index"), (0, "middle"), (40, "ring"), (-20, "little")):
        joints[JOINT_NAMES.index(f"{finger}_mcp")] = [x, 100, 0]
    np.testing.assert_allclose(palm_to_wrist(joints, rule)[0], wrist, atol=1e-9)


def test_names_say_what_the_root_is():
    assert root_joint("palm") == "palm"
    assert "middle_2.2" in root_joint("middle_2.2")
