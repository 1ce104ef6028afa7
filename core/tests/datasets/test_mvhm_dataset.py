"""The reader of multi-view data, on shards of made-up groups, and what is said of damaged ones."""

import json

import numpy as np
import pytest
import torch

from handpose_core.camera import project
from handpose_core.datasets.detect import detect, open_split
from handpose_core.datasets.mvhm import MVHM
from handpose_core.datasets.mvhm_layout import decode_vertices, encode_vertices, index_path, shard_path
from handpose_core.datasets.video import Views
from handpose_core.errors import HandposeError


def test_a_view_is_read_as_it_was_written(mvhm_root, mvhm_groups):
    data = MVHM(mvhm_root, "train", vertices=True)
    assert len(data) == 5 * 2
    for index, (number, view) in enumerate((n, v) for n in range(5) for v in range(2)):
        sample, group = data[index], mvhm_groups["train"][number]
        camera = group.views[view]
        joints = group.joints @ camera.R.T + camera.t
        np.testing.assert_allclose(sample["joints_3d"], joints, atol=1e-3)
        np.testing.assert_allclose(
            sample["joints_2d"], project(torch.from_numpy(joints), torch.from_numpy(camera.K)), atol=1e-3
        )
        np.testing.assert_allclose(sample["vertices"], group.vertices @ camera.R.T + camera.t, atol=0.01)
        np.testing.assert_array_equal(sample["depth"][0], camera.depth.round())
        np.testing.assert_array_equal(sample["mask"][0], camera.mask)
        np.testing.assert_array_equal(sample["visible"], camera.visible)
        assert np.abs(sample["image"].permute(1, 2, 0).numpy() * 255 - camera.colour).max() < 6  # JPEG
        assert (int(sample["side"]), int(sample["view"])) == (int(group.side), view)
        assert (int(sample["sequence"]), int(sample["frame"])) == (number, group.pose)


def test_views_can_be_chosen_and_grouped(mvhm_root):
    assert [int(sample["view"]) for sample in MVHM(mvhm_root, "train", views=[1])] == [1] * 5
    groups = Views(MVHM(mvhm_root, "train"))
    assert len(groups) == 5
    assert groups[2]["R"].shape == (2, 3, 3)
    with pytest.raises(HandposeError, match="MVHM, views: found 2; expected one of 0, 1"):
        MVHM(mvhm_root, "train", views=[2])
    with pytest.raises(HandposeError, match="at least one view"):
        MVHM(mvhm_root, "train", views=[])


def test_meshes_face_outwards_for_both_sides(mvhm_root, mvhm_groups):
    data = MVHM(mvhm_root, "train")
    assert {int(group.side) for group in mvhm_groups["train"]} == {0, 1}
    assert all(data.mesh(index).volume > 0 for index in range(0, 10, 2))


def test_steps_of_vertices_are_fine_enough():
    vertices = np.random.default_rng(0).uniform(-327, 327, (1000, 3)).astype(np.float32)
    assert np.abs(decode_vertices(encode_vertices(vertices)) - vertices).max() < 0.0051


def test_it_is_told_from_its_folder(mvhm_root):
    assert detect(mvhm_root).name == "MVHM"
    assert open_split(mvhm_root, "val").describe()["dataset"].startswith("MVHM val")


def test_a_shard_cut_short_is_named(mvhm_root):
    shard = shard_path(mvhm_root, "train", 1)
    shard.write_bytes(shard.read_bytes()[:-600])
    with pytest.raises(HandposeError, match=r"00001\.tar: found .* bytes; expected .*cut short: remove it"):
        MVHM(mvhm_root, "train")


def test_a_damaged_picture_is_named(mvhm_root):
    data, shard = MVHM(mvhm_root, "train"), shard_path(mvhm_root, "train", 0)
    content = bytearray(shard.read_bytes())
    begin = int(np.load(index_path(shard))[0]["offset"][2])
    content[begin : begin + 200] = bytes(200)
    shard.write_bytes(content)
    with pytest.raises(HandposeError, match=r"00000\.tar, group 00000000, view 0: found .* do not decode"):
        data[0]


@pytest.mark.parametrize("name", ["train/00000.index.npy", "faces.npy"])
def test_damaged_arrays_are_named(mvhm_root, name):
    (mvhm_root / name).write_bytes(b"nothing")
    with pytest.raises(HandposeError, match="no readable file"):
        MVHM(mvhm_root, "train").mesh(0)


def test_missing_shards_are_an_error_or_recorded(mvhm_root):
    shard_path(mvhm_root, "train", 1).unlink()
    with pytest.raises(HandposeError, match="1 of 2 shards are not there"):
        MVHM(mvhm_root, "train")
    data = MVHM(mvhm_root, "train", missing="skip")
    assert (len(data), data.describe()["missing_shards"]) == (6, "1")
    shard_path(mvhm_root, "val", 0).unlink()
    with pytest.raises(HandposeError, match="no shard"):
        MVHM(mvhm_root, "val", missing="skip")


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"recipe": {}})])
def test_a_damaged_manifest_is_named(mvhm_root, content):
    (mvhm_root / "mvhm.json").write_text(content)
    with pytest.raises(HandposeError, match=r"mvhm\.json: found a file that is no manifest"):
        MVHM(mvhm_root, "train")


def test_a_folder_without_manifest_is_told_what_to_do(tmp_path):
    with pytest.raises(HandposeError, match="handpose mvhm generate"):
        MVHM(tmp_path, "train")
