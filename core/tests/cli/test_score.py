"""``handpose score`` from the command line's arguments to what it prints, on every format and every bad input."""

import json

import numpy as np
import pytest

from handpose_core.cli.score import main
from handpose_core.errors import HandposeError


def hand(n=3):
    """Hands of some 80 mm, in mm, half a metre away."""
    random = np.random.default_rng(0)
    return random.uniform(-60, 60, (n, 21, 3)) + np.array([0, 0, 500])


@pytest.fixture
def files(tmp_path):
    """Predictions 6 mm off along x in every joint but the wrist, as .npz, beside the truth."""
    truth = hand()
    prediction = truth.copy()
    prediction[:, 1:, 0] += 6
    np.savez(tmp_path / "pred.npz", joints_3d=prediction)
    np.savez(tmp_path / "truth.npz", joints_3d=truth)
    return tmp_path


def arguments(folder, pred="pred.npz", truth="truth.npz", *more):
    return ["--pred", str(folder / pred), "--truth", str(folder / truth), *more]


def printed(capsys, argv):
    assert main([*argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_npz(files, capsys):
    result = printed(capsys, arguments(files))
    assert (result["protocol"], result["alignment"], result["root"], result["unit"]) == ("exact", "root", "wrist", "mm")
    assert result["epe_mean"] == pytest.approx(120 / 21, abs=1e-4)  # 20 of 21 joints are 6 mm off
    assert result["epe_median"] == pytest.approx(6, abs=0.006)
    assert result["auc_0_50"] == pytest.approx(1 - 120 / 21 / 50, abs=1e-5)
    assert result["auc_20_50"] == 1
    assert result["fingers"]["middle"]["epe_mean"] == pytest.approx(6, abs=1e-4)
    assert result["n_samples"] == 3


def test_the_table_states_the_convention_and_lists_joints_and_fingers(files, capsys):
    assert main(arguments(files, "pred.npz", "truth.npz", "--align", "none", "--protocol", "freihand")) == 0
    out = capsys.readouterr().out
    for words in ("protocol freihand", "alignment none", "root wrist", "index_tip", "little", "AUC 0–50", "AUC 20–50"):
        assert words in out


def test_npy_and_metres(files, capsys):
    np.save(files / "pred.npy", np.load(files / "pred.npz")["joints_3d"] / 1000)
    np.save(files / "truth.npy", hand() / 1000)
    result = printed(capsys, arguments(files, "pred.npy", "truth.npy", "--units", "m"))
    assert result["epe_mean"] == pytest.approx(120 / 21, abs=1e-4)


def test_freihand_json_is_in_metres_whatever_the_other_file_is_in(files, capsys):
    prediction = (np.load(files / "pred.npz")["joints_3d"] / 1000).tolist()
    (files / "pred.json").write_text(json.dumps([prediction, np.zeros((3, 778, 3)).tolist()]))
    assert main([*arguments(files, "pred.json"), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["epe_mean"] == pytest.approx(120 / 21, abs=1e-4)
    assert "not used: vertices" in captured.err
    (files / "truth.json").write_text(json.dumps((hand() / 1000).tolist()))
    assert printed(capsys, arguments(files, "pred.json", "truth.json"))["n_samples"] == 3


def test_two_hands_as_an_xyz_list_are_not_taken_for_a_pair(files, capsys):
    for name in ("pred", "truth"):
        (files / f"{name}.json").write_text(
            json.dumps((np.load(files / f"{name}.npz")["joints_3d"][:2] / 1000).tolist())
        )
    assert printed(capsys, arguments(files, "pred.json", "truth.json"))["n_samples"] == 2


def test_visible_counts_under_hand3d_and_annotated_always(files, capsys):
    visible = np.ones((3, 21), dtype=bool)
    visible[0, 4] = False
    annotated = np.ones((3, 21), dtype=bool)
    annotated[1, 5:7] = False
    truth = hand()
    truth[1, 5] = np.nan
    np.savez(files / "truth.npz", joints_3d=truth, visible=visible, annotated=annotated)
    assert printed(capsys, arguments(files))["n_joints"] == 61
    assert printed(capsys, [*arguments(files), "--protocol", "hand3d"])["n_joints"] == 60


def test_hand3d_without_visible_says_so(files, capsys):
    assert main([*arguments(files), "--protocol", "hand3d"]) == 0
    assert "no key visible" in capsys.readouterr().err


def write_bad(folder, case):
    """One bad prediction file; its name."""
    joints = hand()
    match case:
        case "nan":
            joints[1, 8, 2] = np.nan
        case "metres":
            joints /= 1000
        case "count":
            joints = joints[:2]
        case "shape":
            joints = joints[:, :20]
        case "empty":
            joints = joints[:0]
        case "huge":
            joints *= 1e305
        case "text":
            joints = np.full((3, 21, 3), "x")
    if case == "key":
        np.savez(folder / "bad.npz", joints=joints)
    elif case == "objects":
        np.savez(folder / "bad.npz", joints_3d=np.array([{"a": 1}] * 3, dtype=object))
    elif case == "garbage":
        (folder / "bad.npz").write_bytes(b"not a zip")
    elif case == "truncated":
        np.savez(folder / "whole.npz", joints_3d=joints)
        (folder / "bad.npz").write_bytes((folder / "whole.npz").read_bytes()[:700])
    else:
        np.savez(folder / "bad.npz", joints_3d=joints)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("nan", r"bad.npz, joints_3d, sample 1, joint 8 \(index_tip\)"),
        ("huge", r"sample 0, joint \d+ .*finite coordinates, up to 1e\+09"),
        ("metres", "looks like m, .*--pred-units m"),
        ("count", "bad.npz: found 2 hands; expected 3"),
        ("shape", r"bad.npz, joints_3d: found shape \(3, 20, 3\); expected shape \(N, 21, 3\)"),
        ("empty", r"shape \(0, 21, 3\)"),
        ("text", "expected numbers"),
        ("key", "bad.npz: found the keys joints; expected a key joints_3d"),
        ("objects", "no plain array"),
        ("garbage", "no readable .npz file"),
        ("truncated", "no readable .npz file"),
    ],
)
def test_a_bad_prediction_file_is_named_with_the_next_step(files, case, message):
    write_bad(files, case)
    with pytest.raises(HandposeError, match=message):
        main(arguments(files, "bad.npz"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.json", "{not json", "no JSON"),
        ("bad.json", '{"xyz": []}', "JSON of another form"),
        ("bad.json", "[[[[0, 0, 0]], [[0, 0, 0], [1, 1, 1]]], []]", "hands of different lengths"),
        ("bad.json", "[[[0, 0, 0]]]", r"shape \(1, 1, 3\)"),
        ("bad.npy", "text", "no readable .npy file"),
        ("bad.csv", "0,0,0", "suffix '.csv'"),
    ],
)
def test_a_file_of_another_form_is_named(files, name, content, message):
    (files / name).write_text(content)
    with pytest.raises(HandposeError, match=message):
        main(arguments(files, name))


def test_json_in_millimetres_is_refused(files):
    (files / "bad.json").write_text(json.dumps(hand().tolist()))
    with pytest.raises(HandposeError, match="FreiHAND's format is in metres"):
        main(arguments(files, "bad.json"))


def test_a_missing_file_and_a_bad_mask_are_named(files):
    with pytest.raises(HandposeError, match=r"nowhere.npz: found no such file"):
        main(arguments(files, "pred.npz", "nowhere.npz"))
    np.savez(files / "truth.npz", joints_3d=hand(), visible=np.ones((3, 20)))
    with pytest.raises(HandposeError, match=r"truth.npz, visible: found shape \(3, 20\)"):
        main(arguments(files))


def test_a_collapsed_prediction_is_scored_as_it_is(files, capsys):
    np.savez(files / "flat.npz", joints_3d=hand() * 0.01)
    assert printed(capsys, arguments(files, "flat.npz"))["epe_mean"] > 50


def test_an_option_that_does_not_exist_ends_with_argparses_status(files, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([*arguments(files), "--align", "icp"])
    assert "procrustes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("picture", "names"), [(np.arange(3.0), np.array(["a", "b", "c"])), (np.arange(3), np.array("a"))]
)
def test_pictures_of_another_type_are_named(files, picture, names):
    np.savez(files / "bad.npz", joints_3d=hand(), picture=picture, names=names)
    with pytest.raises(HandposeError, match="other pictures than names has"):
        main(["--pred", str(files / "bad.npz"), "--truth", str(files / "truth.npz")])
