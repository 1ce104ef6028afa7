import pytest

from handpose_core.hand import (
    BONES,
    FINGER_JOINTS,
    JOINT_NAMES,
    JOINT_ORDERS,
    PARENTS,
    REFERENCE_BONE,
    TIPS,
    to_raw_order,
)


def test_names_follow_the_canonical_order():
    assert JOINT_NAMES[:6] == ("wrist", "thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip", "index_mcp")
    assert [JOINT_NAMES[tip] for tip in TIPS] == ["thumb_tip", "index_tip", "middle_tip", "ring_tip", "little_tip"]
    assert [JOINT_NAMES[joint] for joint in REFERENCE_BONE] == ["middle_mcp", "middle_pip"]


def test_bones_go_from_the_wrist_out():
    assert PARENTS[:6] == (-1, 0, 1, 2, 3, 0)
    assert all(child == i + 1 and parent < child for i, (parent, child) in enumerate(BONES))
    for joints in FINGER_JOINTS.values():
        assert [PARENTS[joint] for joint in joints] == [0, *joints[:-1]]


@pytest.mark.parametrize("dataset", JOINT_ORDERS)
def test_raw_order_undoes_the_canonical_order(dataset):
    order, back = JOINT_ORDERS[dataset], to_raw_order(dataset)
    raw = [f"row {i}" for i in range(21)]
    canonical = [raw[i] for i in order]
    assert [canonical[i] for i in back] == raw


@pytest.mark.parametrize(
    ("dataset", "joint", "row"),
    [
        ("rhd", "wrist", 0),
        ("rhd", "thumb_tip", 1),
        ("rhd", "thumb_cmc", 4),
        ("rhd", "index_mcp", 8),
        ("rhd", "little_tip", 17),
        ("stb", "wrist", 0),
        ("stb", "little_mcp", 1),
        ("stb", "thumb_tip", 20),
        ("mhp", "index_mcp", 1),
        ("mhp", "index_pip", 0),
        ("mhp", "little_mcp", 9),
        ("mhp", "wrist", 20),
        ("mano", "index_mcp", 1),
        ("mano", "little_mcp", 7),
        ("mano", "ring_mcp", 10),
        ("mano", "thumb_cmc", 13),
        ("mano", "thumb_tip", 16),
        ("mano", "little_tip", 20),
        ("interhand", "thumb_tip", 0),
        ("interhand", "thumb_cmc", 3),
        ("interhand", "little_mcp", 19),
        ("interhand", "wrist", 20),
        ("openpose", "index_mcp", 5),
    ],
)
def test_rows_of_the_authors_files(dataset, joint, row):
    assert JOINT_ORDERS[dataset][JOINT_NAMES.index(joint)] == row
