"""``handpose data check`` from its arguments to what it prints, draws and returns."""

import json
import shutil

import cv2
import numpy as np
import pytest

from handpose_core.cli.data import main
from handpose_core.errors import HandposeError


def copy(rhd_root, tmp_path):
    return shutil.copytree(rhd_root, tmp_path / "rhd")


def printed(capsys, *argv):
    status = main(["check", *map(str, argv), "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_a_partial_copy_exits_0_with_warnings(rhd_root, tmp_path, capsys):
    status, report = printed(capsys, rhd_root, "--pictures", tmp_path / "pictures")
    assert (status, report["dataset"], report["fine"]) == (0, "RHD", True)
    assert [part["labels"] for part in report["parts"]] == [12, 7]
    assert report["parts"][0]["files"][0] == {"kind": "color", "present": 12, "listed": 12, "published": 41258}
    assert {f["check"] for f in report["findings"] if f["status"] == "warning"} == {"files"}
    assert not (tmp_path / "pictures").exists()


def test_swapped_depth_exits_1_with_a_picture(rhd_root, tmp_path, capsys):
    root = copy(rhd_root, tmp_path)
    for path in (root / "training" / "depth").iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path))[..., ::-1])
    status, report = printed(capsys, root, "--pictures", tmp_path / "pictures")
    (wrong,) = [f for f in report["findings"] if f["status"] == "wrong"]
    assert (status, wrong["part"], wrong["check"]) == (1, "training", "depth")
    assert wrong["fix"]
    assert cv2.imread(wrong["picture"]).shape[1] > 1000


def test_the_table_says_what_to_do(rhd_root, tmp_path, capsys):
    root = copy(rhd_root, tmp_path)
    shutil.copy(root / "training" / "color" / "00001.png", root / "training" / "color" / "00002.png")
    assert main(["check", str(root), "--pictures", str(tmp_path), "--images", "4"]) == 1
    out = capsys.readouterr().out
    for words in ("RHD:", "duplicates", "get these files again", "1 wrong", "the pictures of 4 of them"):
        assert words in out


@pytest.mark.parametrize(
    ("inner", "message"), [("", r"expected a dataset's own layout .*rhd looks like RHD"), ("nowhere", "no such folder")]
)
def test_a_folder_of_no_dataset_is_refused_with_the_way_on(rhd_root, tmp_path, inner, message):
    copy(rhd_root, tmp_path)
    with pytest.raises(HandposeError, match=message):
        main(["check", str(tmp_path / inner)])


def test_the_number_of_images_must_be_positive(rhd_root, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["check", str(rhd_root), "--images", "0"])
    assert "from 1" in capsys.readouterr().err


def test_names_that_look_like_markup_are_printed_as_they_are(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    root = tmp_path / "[bold]hands [link=x]"
    root.mkdir()
    cv2.imwrite(str(root / "[red]x[:smile:].jpg"), np.full((20, 20, 3), 9, np.uint8))
    (root / "[blue]y[nonsense].heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    (root / "z[red].jpg").write_bytes(b"")
    main(["check", str(root), "--pictures", str(tmp_path / "pictures")])
    out = "".join(capsys.readouterr().out.split())
    for name in ("[bold]hands[link=x]", "[blue]y[nonsense].heic:aHEICpicture", "z[red].jpg"):
        assert name in out
