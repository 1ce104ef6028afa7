import contextlib
import inspect
import json
import shutil

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handpose_core.datasets.cmu_ps import CMUPS
from handpose_core.errors import HandposeError
from handpose_core.hand import BONES, JOINT_ORDERS

FIRST = "000000000_01_l"


@pytest.fixture
def root(drawn_cmu_ps, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(drawn_cmu_ps.root, tmp_path / "cmu_ps")


def change(path, **entries):
    content = json.loads(path.read_text()) | entries
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


@pytest.mark.parametrize("part", ["manual_train", "manual_test"])
def test_gives_back_the_drawn_hands(drawn_cmu_ps, part):
    dataset = CMUPS(drawn_cmu_ps.root, part)
    assert dataset.names == tuple(f"{part}/{name}" for name in drawn_cmu_ps.hands[part])
    for i, hand in enumerate(drawn_cmu_ps.hands[part].values()):
        sample = dataset[i]
        assert sample.keys() == {"image", "joints_2d", "annotated", "visible", "side", "index"}
        assert sample["image"].shape == (3, 320, 300 + 10 * i)
        assert (sample["side"], sample["index"]) == (hand.side, i)
        np.testing.assert_array_equal(sample["annotated"], hand.valid)
        np.testing.assert_array_equal(sample["visible"], hand.valid)
        np.testing.assert_allclose(sample["joints_2d"], hand.pixels, atol=1e-3)
        u, v = sample["joints_2d"][sample["annotated"]].round().long().T
        skin = torch.tensor([[210.0], [160], [130]]) / 255
        assert (sample["image"][:, v, u] - skin).abs().max() < 0.25  # JPEG


def test_panoptic_list_has_no_side(drawn_cmu_ps):
    dataset = CMUPS(drawn_cmu_ps.root, "hands_v143")
    hands = list(drawn_cmu_ps.hands["hands_v143"].values())
    assert len(dataset) == 5
    assert dataset[3].keys() == {"image", "joints_2d", "annotated", "visible", "index"}
    np.testing.assert_allclose(dataset[3]["joints_2d"], hands[3].pixels, atol=1e-3)
    np.testing.assert_array_equal(dataset[3]["annotated"], hands[3].valid)
    assert dataset.where(3).endswith("hands_v143/imgs/00000003.jpg")


def test_both_hands_of_a_photograph_are_known_as_such(drawn_cmu_ps):
    assert CMUPS(drawn_cmu_ps.root, "manual_train").pictures[:3] == ("000000000", "000000000", "000000001")


def test_describe_names_the_part(drawn_cmu_ps):
    assert CMUPS(drawn_cmu_ps.root, "manual_test", exclude=[f"manual_test/{FIRST}"]).describe() == {
        "dataset": "CMU-PS manual_test",
        "frames": "3",
        "missing_frames": "0",
        "excluded_frames": "1",
        "root_joint": "wrist",
    }


@pytest.mark.parametrize("suffix", ["jpg", "json"])
def test_half_a_pair_is_named_or_skipped(root, suffix):
    (root / "manual_train" / f"{FIRST}.{suffix}").unlink()
    with pytest.raises(HandposeError, match=rf"{FIRST}\.{suffix}: found no such file; 1 of 12"):
        CMUPS(root, "manual_train")
    dataset = CMUPS(root, "manual_train", missing="skip")
    assert (len(dataset), dataset.selection.missing) == (11, (f"manual_train/{FIRST}",))


def test_missing_listed_image_is_named(root):
    (root / "imgs" / "00000002.jpg").unlink()
    with pytest.raises(HandposeError, match=r"imgs/00000002\.jpg: found no such file"):
        CMUPS(root, "hands_v143")
    assert len(CMUPS(root, "hands_v143", missing="skip")) == 4


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        ({"hand_pts": [[1, 2, 1]] * 20}, r"hand_pts: found shape \(20, 3\).*; expected 21 x 3"),
        ({"hand_pts": [[1, 2, 1]] * 22}, r"hand_pts: found shape \(22, 3\).*; expected 21 x 3"),
        ({"hand_pts": [[1, 2, 1]] * 20 + [[1, 2]]}, "hand_pts: found list"),
        ({"hand_pts": [[1, 2, 1]] * 20 + [[1, float("nan"), 1]]}, r"hand_pts\[20, 1\]: found nan"),
        ({"hand_pts": [[1, 2, 1]] * 20 + [[1, 10**30, 1]]}, "hand_pts"),
        ({"hand_pts": "text"}, "hand_pts: found str"),
        ({"hand_pts": None}, "hand_pts: found only hand_box_center, is_left"),
        ({"is_left": 2}, "is_left: found 2; expected 0 or 1"),
        ({"is_left": None}, "is_left: found only hand_pts"),
        ({"hand_pts": [[1, 2, 0]] * 21}, "found no valid joint"),
    ],
)
def test_a_bad_field_is_named(root, entries, named):
    change(root / "manual_train" / f"{FIRST}.json", **entries)
    with pytest.raises(HandposeError, match=rf"{FIRST}.*{named}"):
        CMUPS(root, "manual_train")[0]


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"\xff\xfe", b"[" * 100_000])
def test_damaged_json_is_named(root, content):
    (root / "manual_train" / f"{FIRST}.json").write_bytes(content)
    with pytest.raises(HandposeError, match=rf"{FIRST}\.json: found"):
        CMUPS(root, "manual_train")[0]


def test_truncated_image_is_named(root):
    path = root / "manual_train" / f"{FIRST}.jpg"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(HandposeError, match=rf"{FIRST}\.jpg: found \d+ bytes that do not decode"):
        CMUPS(root, "manual_train")[0]


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"img_paths": "../../etc/passwd"}, r"root\[0\], img_paths: found '\.\./"),
        ({"img_paths": "/etc/passwd"}, r"root\[0\], img_paths: found '/etc"),
        ({"img_paths": "a" * 300}, r"root\[0\], img_paths"),
        ({"img_paths": 7}, r"root\[0\], img_paths: found 7"),
        ({"img_paths": "imgs/00000000.jpg"}, r"root\[0\], joint_self: found only img_paths"),
        (
            {"img_paths": "imgs/00000000.jpg", "joint_self": [[1, 2]] * 21},
            r".*joint_self: found shape \(1, 21, 2\).*; expected 1 x 21",
        ),
    ],
)
def test_a_bad_list_entry_is_named(root, entry, named):
    (root / "hands_v143_14817.json").write_text(json.dumps({"root": [{"joint_self": [[1, 2, 1]] * 21} | entry]}))
    if "joint_self: found only" in named:
        (root / "hands_v143_14817.json").write_text(json.dumps({"root": [entry]}))
    with pytest.raises(HandposeError, match=rf"hands_v143_14817\.json, {named}"):
        CMUPS(root, "hands_v143")


@pytest.mark.parametrize("part", ["manual_train", "hands_v143"])
def test_wrong_root_says_what_is_there(tmp_path, part):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(HandposeError, match=r"found a folder with holiday\.jpg; expected CMU-PS's layout"):
        CMUPS(tmp_path, part)


@pytest.mark.parametrize("choice", [{"part": "validation"}, {"missing": "no"}])
def test_unknown_choice_is_named(drawn_cmu_ps, choice):
    unchecked = inspect.unwrap(CMUPS.__init__)  # without the tests' own check of argument types
    with pytest.raises(HandposeError, match=rf"CMU-PS, {next(iter(choice))}: found"):
        unchecked(CMUPS.__new__(CMUPS), **{"root": drawn_cmu_ps.root, "part": "manual_test", **choice})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_json_reads_or_is_named(drawn_cmu_ps, tmp_path, data):
    source = drawn_cmu_ps.root / "manual_train"
    content = json.loads((source / f"{FIRST}.json").read_text())
    for _ in range(data.draw(st.integers(0, 2))):
        row = data.draw(st.integers(0, 20))
        match data.draw(st.sampled_from(["field", "row", "number"])):
            case "field":
                content[data.draw(st.sampled_from(sorted(content)))] = data.draw(VALUES)
            case "row" if isinstance(content["hand_pts"], list) and len(content["hand_pts"]) == 21:
                content["hand_pts"][row] = data.draw(VALUES)
            case "number" if isinstance(content["hand_pts"], list) and len(content["hand_pts"]) == 21:
                content["hand_pts"][row] = [data.draw(VALUES), 1, 1]
    raw = bytearray(json.dumps(content).encode())
    del raw[data.draw(st.just(len(raw)) | st.integers(0, len(raw))) :]
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), max_size=3)):
        raw[place : place + 1] = bytes([value])
    folder = tmp_path / "manual_train"
    folder.mkdir(exist_ok=True)
    shutil.copy(source / f"{FIRST}.jpg", folder)
    (folder / f"{FIRST}.json").write_bytes(raw)
    with contextlib.suppress(HandposeError):  # and nothing else
        sample = CMUPS(tmp_path, "manual_train")[0]
        assert sample["joints_2d"].shape == (21, 2)
        assert sample["joints_2d"].isfinite().all()


def test_real_pairs_read_and_lie_on_their_hands(real_samples):
    dataset = CMUPS(real_samples / "cmu_ps", "manual_train")
    assert len(dataset) == 8
    for i in range(8):
        sample = dataset[i]
        assert sample["annotated"].all()
        assert sample["side"] == (0 if dataset.names[i].endswith("_l") else 1)
        height, width = sample["image"].shape[1:]
        assert ((sample["joints_2d"] >= 0) & (sample["joints_2d"] < torch.tensor([width, height]))).all()


def test_real_joints_are_in_canonical_order(real_samples):
    """Bones are shorter so than in RHD's order or MHP's; the thumb, not the little finger, starts at the wrist."""
    dataset = CMUPS(real_samples / "cmu_ps", "manual_train")
    joints = torch.stack([dataset[i]["joints_2d"] for i in range(8)])
    joints = joints / (joints.amax(1) - joints.amin(1)).amax(-1)[:, None, None]
    lengths = {}
    for name in ("canonical", "rhd", "mhp"):
        ordered = joints[:, JOINT_ORDERS[name]]
        lengths[name] = torch.stack([(ordered[:, a] - ordered[:, b]).norm(dim=-1) for a, b in BONES]).sum(0)
    assert (lengths["canonical"] < 0.95 * torch.minimum(lengths["rhd"], lengths["mhp"])).all()
    thumb, little = ((joints[:, first] - joints[:, 0]).norm(dim=-1) for first in (1, 17))
    assert (thumb < 0.8 * little).float().mean() > 0.8
