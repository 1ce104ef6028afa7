import contextlib
import inspect
import json
import pickle
import shutil

import cv2
import numpy as np
import pytest
import torch
from core.tests.io.videos import cut_off, with_damage, with_steps
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handpose_core.camera import project
from handpose_core.datasets.folder import Folder
from handpose_core.datasets.folder_labels import read_labels
from handpose_core.datasets.images import read_rgb
from handpose_core.datasets.video import Clips
from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_ORDERS, Side

JOINTS = np.random.default_rng(0).normal([0, 0, 500], 50, (12, 21, 3))
K = np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]])
PIXELS = np.random.default_rng(1).uniform(50, 200, (12, 21, 2))


@pytest.fixture
def root(drawn_folder, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(drawn_folder.root, tmp_path / "folder")


def coco(root, count=3, **annotation):
    """A COCO-style file of the first images."""
    points = [[[*map(float, xy), 1] for xy in hand] for hand in PIXELS[:count]]
    images = [{"id": i, "file_name": f"{i}.png"} for i in range(count)]
    entries = [{"image_id": i, "keypoints": hand} | annotation for i, hand in enumerate(points)]
    content = {"images": images, "annotations": entries}
    (root / "coco.json").write_text(json.dumps(content))
    return content


def test_gives_back_the_drawn_hands_in_numeric_order(drawn_folder):
    dataset = Folder(drawn_folder.root, side="left")
    assert dataset.names == tuple(f"{i}.png" for i in range(12))  # 2.png before 10.png
    for i in (0, 2, 11):
        sample = dataset[i]
        assert (sample["frame"], sample["index"], sample["side"]) == (i, i, Side.LEFT)
        np.testing.assert_allclose(sample["joints_3d"], drawn_folder.joints[i], atol=1e-3)
        np.testing.assert_allclose(project(sample["joints_3d"], sample["K"]), sample["joints_2d"], atol=1e-3)
        u, v = sample["joints_2d"].round().long().T
        assert torch.equal(
            (sample["image"][:, v, u] * 255).round(), torch.tensor([[210.0], [160], [130]]).expand(3, 21)
        )
        assert sample["annotated"].all()


def test_images_alone(drawn_folder, tmp_path):
    for dataset in (Folder(drawn_folder.root, "none"), Folder(drawn_folder.root / "images")):
        assert dataset[3].keys() == {"image", "index", "sequence", "frame"}
        assert dataset.describe()["labels"] == "none"


def test_everything_that_can_be_labelled(root):
    annotated, visible = np.arange(21) > 3, np.arange(21) % 2 == 0
    np.savez(
        root / "labels.npz",
        joints_2d=PIXELS,
        joints_3d=JOINTS,
        K=np.stack([K] * 12),
        annotated=np.stack([annotated] * 12),
        visible=np.stack([visible] * 12),
        side=np.arange(12) % 2,
    )
    sample = Folder(root)[5]
    np.testing.assert_allclose(sample["joints_2d"], PIXELS[5] * annotated[:, None], rtol=1e-6)
    np.testing.assert_array_equal(sample["annotated"], annotated)
    np.testing.assert_array_equal(sample["visible"], visible & annotated)
    assert sample["side"] == 1
    assert {value.dtype for key, value in sample.items() if value.is_floating_point()} == {torch.float32}


def test_2d_only(root):
    np.savez(root / "labels.npz", joints_2d=PIXELS)
    sample = Folder(root)[5]
    assert sample.keys() == {"image", "joints_2d", "annotated", "visible", "index", "sequence", "frame"}


@pytest.mark.parametrize("order", JOINT_ORDERS)
def test_joints_come_in_canonical_order(root, order):
    raw = np.empty_like(PIXELS)
    raw[:, JOINT_ORDERS[order]] = PIXELS
    np.savez(root / "labels.npz", joints_2d=raw)
    np.testing.assert_allclose(Folder(root, order=order)[4]["joints_2d"], PIXELS[4], rtol=1e-6)


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({"joints_2d": PIXELS[:11]}, r"joints_2d: found shape \(11, 21, 2\).*; expected 12 x 21 x 2"),
        ({"joints_2d": PIXELS[:, :20]}, r"joints_2d: found shape \(12, 20, 2\)"),
        ({"joints_2d": np.where(PIXELS > 190, np.nan, PIXELS)}, r"joints_2d\[\d+, \d+, \d\]: found nan"),
        ({"joints_2d": PIXELS.astype(str)}, "joints_2d: found shape"),
        ({"joint_2d": PIXELS}, "joint_2d: found a field of this name"),
        ({"joints_3d": JOINTS}, "found joints_3d alone"),
        ({"joints_2d": PIXELS, "side": np.array(2)}, r"side: found 2"),
        ({"joints_2d": PIXELS, "annotated": PIXELS[..., 0]}, "annotated: found .*; expected 0 or 1"),
    ],
)
def test_bad_arrays_are_named(root, arrays, found):
    np.savez(root / "labels.npz", **arrays)
    with pytest.raises(HandposeError, match=rf"labels\.npz.*{found}"):
        Folder(root)


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({"joints_3d": JOINTS / 1000, "K": K}, r"0\.png, joints: found a hand that reaches 0\.\d+ mm"),
        ({"joints_3d": JOINTS, "K": K.T}, r"0\.png, K: found"),
    ],
)
def test_labels_of_no_hand_are_named(root, arrays, found):
    np.savez(root / "labels.npz", **arrays)
    with pytest.raises(HandposeError, match=found):
        Folder(root)[0]


def test_objects_are_not_unpickled(root):
    np.savez(root / "labels.npz", joints_2d=np.array([object()] * 12))
    with pytest.raises(HandposeError, match=r"labels\.npz: found a file that is no \.npz of numbers"):
        Folder(root)


@pytest.mark.parametrize("name", ["missing.npz", "missing.json"])
def test_missing_labels_are_named(root, name):
    with pytest.raises(HandposeError, match=rf"{name}: found no"):
        Folder(root, name)


def test_labels_of_another_kind_are_named(root):
    with pytest.raises(HandposeError, match=r"labels\.txt: found a \.txt file; expected \.npz or \.json"):
        Folder(root, "labels.txt")


def test_coco_is_a_sample_an_annotation(root):
    content = coco(root)
    content["annotations"].append(content["annotations"][1])
    (root / "coco.json").write_text(json.dumps(content))
    dataset = Folder(root, "coco.json")
    assert dataset.names == ("0.png", "1.png", "2.png", "1.png")
    np.testing.assert_allclose(dataset[3]["joints_2d"], PIXELS[1], rtol=1e-6)
    assert dataset[3]["frame"] == 1


@pytest.mark.parametrize(
    ("annotation", "found"),
    [
        ({"keypoints": [[1, 2, 1]] * 20}, r"annotations\[0\], keypoints: found shape \(20, 3\)"),
        ({"keypoints": [1.0] * 62}, r"keypoints: found shape \(62,\)"),
        ({"joint_cam": [[1, 2]] * 21}, r"joint_cam: found shape \(21, 2\)"),
        ({"hand_type": "both"}, r"hand_type: found 'both'"),
        ({"image_id": 77}, r"image_id: found 77"),
        ({"image_id": []}, r"image_id: found list"),
    ],
)
def test_bad_coco_is_named(root, annotation, found):
    coco(root, **annotation)
    with pytest.raises(HandposeError, match=rf"coco\.json, .*{found}"):
        Folder(root, "coco.json")


def test_coco_mix_is_named(root):
    content = coco(root)
    content["annotations"][2]["hand_type"] = "left"
    (root / "coco.json").write_text(json.dumps(content))
    with pytest.raises(HandposeError, match=r"annotations\[2\]: found a mix: only some annotations give side"):
        Folder(root, "coco.json")


def test_missing_labelled_image_is_named_or_skipped(root):
    coco(root)
    (root / "images" / "1.png").unlink()
    with pytest.raises(HandposeError, match=r"1\.png: found no such file; 1 of 3"):
        Folder(root, "coco.json")
    dataset = Folder(root, "coco.json", missing="skip", exclude=["2.png"])
    assert (dataset.names, dataset.selection.missing, dataset.selection.excluded) == (("0.png",), ("1.png",), 1)


def test_no_images_says_what_is_there(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(HandposeError, match=r"found a folder with notes\.txt; expected images"):
        Folder(tmp_path)
    with pytest.raises(HandposeError, match="no such folder"):
        Folder(tmp_path / "nowhere")


@pytest.mark.parametrize("choice", [{"order": "coco"}, {"side": "both"}, {"missing": "no"}])
def test_unknown_choice_is_named(drawn_folder, choice):
    unchecked = inspect.unwrap(Folder.__init__)  # without the tests' own check of argument types
    with pytest.raises(HandposeError, match=rf"folder, {next(iter(choice))}: found"):
        unchecked(Folder.__new__(Folder), **{"root": drawn_folder.root, **choice})


def grey(sample):
    return round((float(sample["image"].mean()) * 255 - 20) / 10)


def test_video_frames_in_any_order(drawn_video):
    dataset = Folder(drawn_video, exclude=["3"])
    assert len(dataset) == 19
    assert [grey(dataset[i]) for i in (0, 1, 2, 3, 18, 5, 5, 0)] == [0, 1, 2, 4, 19, 6, 6, 0]
    assert dataset[3]["frame"] == 4
    clips = Clips(dataset, 4)
    assert clips[0]["frame"].tolist() == [4, 5, 6, 7]  # none across the frame that was left out


def test_video_can_be_pickled(drawn_video):
    assert grey(pickle.loads(pickle.dumps(Folder(drawn_video)))[9]) == 9


def test_labels_beside_a_video(drawn_video):
    np.savez(drawn_video.parent / "hand.npz", joints_2d=PIXELS.repeat(2, 0)[:20])
    assert "joints_2d" in Folder(drawn_video, "hand.npz")[3]
    assert "joints_2d" not in Folder(drawn_video)[3]


def test_damaged_video_is_named(drawn_video, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(HandposeError, match=r"text\.mp4: found no frame that can be decoded"):
        Folder(tmp_path / "text.mp4")
    with pytest.raises(HandposeError, match=r"none\.mp4: found no such file"):
        Folder(tmp_path / "none.mp4")


def test_damaged_frames_are_refused_or_left_out_by_number(tmp_path):
    path = with_damage(tmp_path / "clip.avi", 8, [2, 5])
    with pytest.raises(HandposeError, match=r"clip\.avi, frames 2, 5: found 2 of 8 frames .* missing: skip"):
        Folder(path)
    assert len(Folder(path, exclude=["2", "5"])) == 6
    np.savez(tmp_path / "labels.npz", joints_2d=PIXELS.repeat(2, 0)[:8])
    dataset = Folder(path, "labels.npz", missing="skip")
    assert dataset.selection.missing == ("2", "5")
    assert dataset.video_index[:, 1].tolist() == [0, 1, 3, 4, 6, 7]
    assert [grey(dataset[i]) for i in range(6)] == [0, 1, 3, 4, 6, 7]
    assert len(Clips(dataset, 2)) == 3  # none across a damaged frame


def test_a_video_that_breaks_off_is_refused_by_how_much_is_missing(tmp_path):
    with pytest.raises(HandposeError, match=r"of 8 frames that are missing, damaged or cut off"):
        Folder(cut_off(tmp_path / "clip.avi", 8, 5))


def test_frames_of_a_variable_rate_are_the_right_ones(tmp_path):
    dataset = Folder(with_steps(tmp_path / "clip.mp4", [33] * 5 + [200] * 5))
    assert [grey(dataset[i]) for i in (9, 3, 7, 0, 6)] == [9, 3, 7, 0, 6]


def test_a_loop_of_links_is_named(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "b.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(HandposeError, match=r"a\.png: found no readable file"):
        Folder(tmp_path)[0]


@pytest.mark.parametrize("trailer", [b"", b"trailing data of a camera"])
def test_cut_jpeg_is_told_from_a_whole_one(tmp_path, trailer):
    path = tmp_path / "a.jpg"
    whole = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8))[1].tobytes()
    path.write_bytes(whole + trailer)
    assert read_rgb(path).shape == (40, 40, 3)
    for keep in (0.5, 0.9, 0.999):
        path.write_bytes(whole[: int(len(whole) * keep)])
        with pytest.raises(HandposeError, match="do not decode"):
            read_rgb(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_npz_reads_or_is_named(drawn_folder, tmp_path, data):
    raw = bytearray((drawn_folder.root / "labels.npz").read_bytes())
    del raw[data.draw(st.just(len(raw)) | st.integers(0, len(raw))) :]
    places = st.integers(0, 250) | st.integers(0, 7000)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        raw[place : place + 1] = bytes([value])
    path = tmp_path / "labels.npz"
    path.write_bytes(raw)
    with contextlib.suppress(HandposeError):  # and nothing else
        read_labels(path, [f"{i}.png" for i in range(12)])


def test_hidden_files_are_no_images_and_what_is_left_out_is_said_once(root, capsys):
    images = root / "images"
    for hidden in ("._0.png", ".DS_Store", "Thumbs.db"):
        (images / hidden).write_bytes(b"\0\5\x16\7")
    (images / "12.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    (images / "3.png").rename(images / "3.PNG")
    (root / "labels.npz").unlink()
    for _ in range(2):
        dataset = Folder(root)
    assert dataset.names == tuple(f"{i}.png" if i != 3 else "3.PNG" for i in range(12))
    assert dataset[3]["image"].shape[0] == 3
    assert capsys.readouterr().err == f"note: {images}: left out: 1 file (12.HEIC: a HEIC picture)\n"
    assert dataset.left_out == {"12.HEIC": "a HEIC picture"}


def test_labels_and_images_in_one_folder(tmp_path, drawn_folder, capsys):
    shutil.copytree(drawn_folder.root / "images", tmp_path, dirs_exist_ok=True)
    np.savez(tmp_path / "labels.npz", joints_2d=PIXELS)
    (tmp_path / "labels.npz").rename(tmp_path / "Labels.NPZ")
    assert "joints_2d" in Folder(tmp_path, "Labels.NPZ")[0]
    assert capsys.readouterr().err == ""


def test_another_case_in_the_labels_is_an_error_even_where_missing_images_are_skipped(root):
    coco(root)
    (root / "images" / "1.png").rename(root / "images" / "1.PNG")
    with pytest.raises(HandposeError, match=r"1\.PNG: found the name 1\.PNG; expected 1\.png"):
        Folder(root, "coco.json", missing="skip")


def test_missing_images_are_said_by_name(root, capsys):
    coco(root)
    (root / "images" / "1.png").unlink()
    Folder(root, "coco.json", missing="skip")
    assert "1 of 3 samples left out, their files are missing: 1.png" in capsys.readouterr().err


def test_accents_count_the_same_composed_or_not(root):
    content = coco(root)
    (root / "images" / "1.png").rename(root / "images" / "e\u0301.png")
    content["images"][1]["file_name"] = "\u00e9.png"
    (root / "coco.json").write_text(json.dumps(content))
    assert Folder(root, "coco.json")[1]["frame"] == 11  # behind the numbers
