import inspect
import json
import shutil

import cv2
import numpy as np
import pytest
import torch

from handpose_core.camera import project
from handpose_core.datasets.freihand import FreiHAND
from handpose_core.errors import HandposeError
from handpose_core.hand import Side

SHAPES = {
    "image": ((3, 224, 224), torch.float32),
    "joints_2d": ((21, 2), torch.float32),
    "joints_3d": ((21, 3), torch.float32),
    "annotated": ((21,), torch.bool),
    "visible": ((21,), torch.bool),
    "K": ((3, 3), torch.float32),
    "vertices": ((42, 3), torch.float32),
    **dict.fromkeys(("side", "index", "frame"), ((), torch.int64)),
}


@pytest.fixture
def root(drawn_freihand, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(drawn_freihand.root, tmp_path / "freihand")


def change(root, name, spoil):
    path = root / f"{name}.json"
    path.write_text(json.dumps(spoil(json.loads(path.read_text()))))


def test_samples_keep_to_the_contract(drawn_freihand):
    sample = FreiHAND(drawn_freihand.root, "evaluation", vertices=True)[2]
    assert {key: (tuple(value.shape), value.dtype) for key, value in sample.items()} == SHAPES
    assert (sample["index"], sample["frame"], sample["side"]) == (2, 2, Side.RIGHT)


def test_gives_back_the_drawn_poses_in_every_version(drawn_freihand):
    dataset = FreiHAND(drawn_freihand.root, "training", vertices=True)
    assert len(dataset) == 20
    assert dataset.images.tolist() == list(range(20))
    assert dataset.poses.tolist() == [*range(5)] * 4
    for i in (0, 7, 19):
        sample = dataset[i]
        np.testing.assert_allclose(sample["joints_3d"], drawn_freihand.joints["training"][i % 5], atol=1e-3)
        np.testing.assert_allclose(sample["vertices"], drawn_freihand.vertices["training"][i % 5], atol=1e-3)
        np.testing.assert_allclose(project(sample["joints_3d"], sample["K"]), sample["joints_2d"], atol=1e-3)
        u, v = sample["joints_2d"].round().long().T
        inside = ((u > 0) & (u < 223) & (v > 0) & (v < 223)).nonzero()[:, 0]
        skin = torch.tensor([[210.0], [160], [130]]) / 255
        assert len(inside) > 10
        assert (sample["image"][:, v[inside], u[inside]] - skin).abs().max() < 0.25  # JPEG


def test_versions_can_be_chosen(drawn_freihand):
    dataset = FreiHAND(drawn_freihand.root, "training", versions=["gs", "auto"])
    assert dataset.images.tolist() == [*range(5), *range(15, 20)]
    assert dataset.describe()["versions"] == "gs, auto"


def test_a_copy_of_the_first_version_reads(root):
    for image in range(5, 20):
        (root / "training" / "rgb" / f"{image:08d}.jpg").unlink()
    with pytest.raises(HandposeError, match=r"rgb/00000005\.jpg: found no such file; 15 of 20"):
        FreiHAND(root, "training")
    assert len(FreiHAND(root, "training", versions=["gs"])) == 5
    assert len(FreiHAND(root, "training", missing="skip").selection.missing) == 15


def test_evaluation_without_labels(root):
    (root / "evaluation_xyz.json").unlink()
    dataset = FreiHAND(root, "evaluation")
    assert dataset[1].keys() == {"image", "K", "side", "index", "frame"}
    (root / "evaluation_K.json").unlink()
    (root / "evaluation" / "rgb" / "00000001.jpg").unlink()
    dataset = FreiHAND(root, "evaluation")
    assert dataset[1].keys() == {"image", "side", "index", "frame"}
    assert (dataset.images.tolist(), dataset[1]["frame"]) == ([0, 2], 2)
    assert dataset.describe()["labels"] == "none"


def test_training_needs_labels(root):
    (root / "training_xyz.json").unlink()
    with pytest.raises(HandposeError, match=r"found a folder with .*; expected FreiHAND's layout"):
        FreiHAND(root, "training")


def test_exclude_leaves_images_out(drawn_freihand):
    dataset = FreiHAND(drawn_freihand.root, "evaluation", exclude=["evaluation/00000001", "training/00000000"])
    assert dataset.images.tolist() == [0, 2]
    assert dataset.describe()["excluded_frames"] == "1"


@pytest.mark.parametrize(
    ("name", "spoil", "found"),
    [
        (
            "evaluation_xyz",
            lambda xyz: [pose[:20] for pose in xyz],
            r"evaluation_xyz\.json: found shape \(3, 20, 3\).*; expected n x 21",
        ),
        ("evaluation_xyz", lambda xyz: xyz[:2], r"3 in evaluation_K\.json, 2 in evaluation_xyz\.json"),
        ("evaluation_xyz", lambda xyz: [[[float("nan")] * 3] * 21] * 3, r"evaluation_xyz\.json\[0, 0, 0\]: found nan"),
        ("evaluation_xyz", lambda xyz: {"joints": xyz}, r"evaluation_xyz\.json: found dict"),
        (
            "evaluation_K",
            lambda K: [k[:2] for k in K],
            r"evaluation_K\.json: found shape \(3, 2, 3\).*; expected n x 3 x 3",
        ),
        ("evaluation_verts", lambda verts: verts[1:], r"2 in evaluation_verts\.json"),
    ],
)
def test_bad_labels_are_named(root, name, spoil, found):
    change(root, name, spoil)
    with pytest.raises(HandposeError, match=found):
        FreiHAND(root, "evaluation", vertices=True)


@pytest.mark.parametrize(
    ("name", "spoil", "found"),
    [
        (
            "xyz",
            lambda xyz: (1000 * np.array(xyz)).tolist(),
            r"evaluation/00000000, joints: found a hand that reaches \d+",
        ),
        ("xyz", lambda xyz: (-np.array(xyz)).tolist(), r"evaluation/00000000, joint \d+: found z = -"),
        ("K", lambda K: np.transpose(K, (0, 2, 1)).tolist(), r"evaluation/00000000, K: found .*focal"),
    ],
)
def test_labels_of_no_hand_are_named(root, name, spoil, found):
    change(root, f"evaluation_{name}", spoil)
    with pytest.raises(HandposeError, match=found):
        FreiHAND(root, "evaluation")[0]


@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_damaged_json_is_named(root, keep):
    path = root / "evaluation_xyz.json"
    path.write_text(path.read_text()[: int(path.stat().st_size * keep)])
    with pytest.raises(HandposeError, match=r"evaluation_xyz\.json: found (\d+ bytes that are no JSON|an empty file)"):
        FreiHAND(root, "evaluation")


def test_damaged_images_are_named(root):
    first, second = (root / "evaluation" / "rgb" / f"0000000{i}.jpg" for i in (0, 1))
    first.write_bytes(first.read_bytes()[:2000])
    cv2.imwrite(str(second), np.zeros((256, 256, 3), np.uint8))
    dataset = FreiHAND(root, "evaluation")
    with pytest.raises(HandposeError, match=r"00000000\.jpg: found 2000 bytes that do not decode"):
        dataset[0]
    with pytest.raises(HandposeError, match=r"00000001\.jpg: found 256 x 256 pixels; expected FreiHAND's 224"):
        dataset[1]


def test_missing_mesh_is_named(root):
    (root / "evaluation_verts.json").unlink()
    with pytest.raises(HandposeError, match=r"evaluation_verts\.json: found no readable file"):
        FreiHAND(root, "evaluation", vertices=True)


def test_wrong_root_says_what_is_there(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    for split in ("training", "evaluation"):
        with pytest.raises(HandposeError, match=r"found a folder with holiday\.jpg; expected FreiHAND's layout"):
            FreiHAND(tmp_path, split)


@pytest.mark.parametrize("choice", [{"split": "test"}, {"versions": ["green"]}, {"missing": "no"}])
def test_unknown_choice_is_named(drawn_freihand, choice):
    unchecked = inspect.unwrap(FreiHAND.__init__)  # without the tests' own check of argument types
    with pytest.raises(HandposeError, match=rf"FreiHAND, {next(iter(choice))}: found"):
        unchecked(FreiHAND.__new__(FreiHAND), **{"root": drawn_freihand.root, "split": "evaluation", **choice})


def test_real_unlabelled_images_read(real_samples, tmp_path):
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "rgb").symlink_to(real_samples / "freihand" / "unlabelled")
    dataset = FreiHAND(tmp_path, "evaluation")
    assert len(dataset) == 200
    assert dataset[199]["image"].shape == (3, 224, 224)
