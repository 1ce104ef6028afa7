"""Faults of files that ``handpose score`` refuses or notes: units, joint orders, mirror images, missing hands."""

import json

import numpy as np
import pytest

from handpose_core.cli.score import main
from handpose_core.errors import HandposeError
from handpose_core.hand import to_raw_order

from .made_hands import hands, predicted

TRUTH = hands()
PRED = predicted(TRUTH)


@pytest.fixture
def score(tmp_path, monkeypatch, capsys):
    """Scores arrays: ``score(pred, truth, "--align", "none")`` gives the JSON and the notes."""
    monkeypatch.chdir(tmp_path)

    def run(pred=PRED, truth=TRUTH, *options, **masks):
        np.savez("pred.npz", joints_3d=pred)
        np.savez("truth.npz", joints_3d=truth, **masks)
        assert main(["--pred", "pred.npz", "--truth", "truth.npz", *options, "--json"]) == 0
        captured = capsys.readouterr()
        return json.loads(captured.out), captured.err

    return run


def test_good_files_are_scored_without_a_note(score):
    result, notes = score()
    assert result["epe_mean"] == pytest.approx(np.linalg.norm(centred(PRED) - centred(TRUTH), axis=-1).mean(), abs=1e-3)
    assert result["n_predicted"] == 40
    assert notes == ""


def centred(joints):
    return joints - joints[:, :1]


@pytest.mark.parametrize("bend", [0.2, 1.6])
def test_open_hands_fists_and_small_hands_are_hands(score, bend):
    truth = hands(bend=bend) * 0.75
    assert score(predicted(truth, 2.0), truth)[1] == ""


@pytest.mark.parametrize(("unit", "mm"), [("cm", 10.0), ("m", 1000.0)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_another_unit_is_refused_unless_it_is_given(score, unit, mm, dtype):
    files = (PRED / mm).astype(dtype), (TRUTH / mm).astype(dtype)
    for align in ("root", "procrustes", "none"):
        with pytest.raises(HandposeError, match=rf"truth.npz.*looks like {unit}, .*mm. Say --units {unit}"):
            score(*files, "--align", align)
    assert score(*files, "--units", unit)[0]["epe_mean"] == pytest.approx(score()[0]["epe_mean"], abs=1e-2)


def test_a_rough_prediction_is_scored_without_a_note(score):
    assert score(predicted(TRUTH, 25.0))[1] == ""
    assert score(predicted(TRUTH[:2], 15.0), TRUTH[:2])[1] == ""


def test_hands_in_units_of_a_bone_are_taken_for_no_unit(score):
    _, notes = score(PRED / 30, TRUTH / 30)
    assert notes.count("a hand's are 90 to 260 mm\n") == 2


@pytest.mark.parametrize(("given", "mm"), [("cm", 1.0), ("m", 1.0), ("m", 10.0), ("cm", 1000.0)])
def test_a_unit_that_is_given_is_doubted_too(score, given, mm):
    right = {1.0: "mm", 10.0: "cm", 1000.0: "m"}[mm]
    with pytest.raises(HandposeError, match=f"looks like {right}, but was read as {given}"):
        score(PRED / mm, TRUTH / mm, "--units", given)


def test_files_in_different_units_are_told_apart(score):
    with pytest.raises(HandposeError, match=r"pred.npz.*Say --pred-units cm"):
        score(PRED / 10)
    with pytest.raises(HandposeError, match=r"truth.npz.*Say --truth-units m"):
        score(PRED, TRUTH / 1000)
    right = score()[0]["epe_mean"]
    assert score(PRED / 10, TRUTH, "--pred-units", "cm")[0]["epe_mean"] == pytest.approx(right, abs=1e-3)
    assert score(PRED, TRUTH / 1000, "--truth-units", "m")[0]["epe_mean"] == pytest.approx(right, abs=1e-3)


def test_partly_labelled_truth_is_measured_as_well(score):
    annotated = np.ones((40, 21), bool)
    annotated[:, 20] = False
    with pytest.raises(HandposeError, match=r"looks like cm"):
        score(PRED / 10, TRUTH / 10, annotated=annotated)


def test_where_the_scale_is_taken_out_the_predictions_unit_is_noted(score):
    result, notes = score(PRED / 10, TRUTH, "--align", "procrustes")
    assert "pred.npz: hands of 1" in notes
    assert "it looks like cm: say --pred-units cm" in notes
    assert result["epe_mean"] == pytest.approx(score(PRED, TRUTH, "--align", "procrustes")[0]["epe_mean"], abs=1e-3)


def test_sizes_that_differ_and_sizes_of_no_hand_are_noted(score):
    assert "times as large as the true ones" in score(PRED * 0.5)[1]
    assert "times as large" not in score(PRED * 0.5, TRUTH, "--align", "root_scale")[1]
    collapsed = 500 + np.random.default_rng(0).normal(scale=5, size=TRUTH.shape)
    result, notes = score(collapsed)  # as large as a hand in cm, but of no hand's shape
    assert result["epe_mean"] > 50
    assert "pred.npz: hands of" in notes


@pytest.mark.parametrize("order", ["mano", "rhd", "interhand", "stb", "mhp"])
def test_another_order_is_noted_with_the_option_and_read_by_it(score, order):
    raw = list(to_raw_order(order))
    right = score(PRED, TRUTH, "--align", "procrustes")[0]["epe_mean"]
    wrong, notes = score(PRED[:, raw], TRUTH, "--align", "procrustes")
    assert (
        f"({right:.1f} mm instead of {wrong['epe_mean']:.1f}, after Procrustes alignment): say --order {order}\n"
        in notes
    )
    result, notes = score(PRED[:, raw], TRUTH, "--align", "procrustes", "--order", order)
    assert result["epe_mean"] == pytest.approx(right, abs=1e-3)
    assert notes == ""


@pytest.mark.parametrize("order", ["mano", "rhd", "interhand", "stb"])
def test_the_file_in_another_order_is_the_one_that_is_named(score, order):
    raw = list(to_raw_order(order))
    _, notes = score(PRED, TRUTH[:, raw])
    assert f"say --truth-order {order}\n" in notes
    _, notes = score(PRED, TRUTH, "--order", order)
    assert "say --order canonical\n" in notes
    _, notes = score(PRED[:, raw], TRUTH[:, raw])
    assert "both files look like" in notes
    assert f"say --order {order} --truth-order {order}\n" in notes


def test_masks_in_fortran_order(score):
    visible = np.asfortranarray(np.ones((40, 21), bool))
    assert score(PRED, TRUTH, "--protocol", "hand3d", visible=visible)[0]["n_joints"] == 840


def test_masks_are_reordered_with_the_joints(score):
    raw = list(to_raw_order("mano"))
    annotated = np.ones((40, 21), bool)
    annotated[:, 4] = False
    truth = TRUTH.copy()
    truth[:, 4] = np.nan
    result, _ = score(PRED, truth[:, raw], "--truth-order", "mano", annotated=annotated[:, raw])
    assert "thumb_tip" not in result["joints"]
    assert result["n_joints"] == 800


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirror_image_is_noted(score, axis):
    mirrored = PRED.copy()
    mirrored[..., axis] *= -1
    right = score(PRED, TRUTH, "--align", "procrustes")[0]["epe_mean"]
    for align in ("root", "procrustes"):
        _, notes = score(mirrored, TRUTH, "--align", align)
        assert "mirrored the predictions fit far better" in notes
        assert f"({right:.1f} mm instead of" in notes
        assert "negate x" in notes


def test_an_order_and_a_mirror_image_at_once_are_both_named(score):
    _, notes = score(PRED[:, list(to_raw_order("mano"))] * [-1, 1, 1])
    assert "reordered from MANO's joint order and mirrored" in notes
    assert "say --order mano; mirror them first" in notes


def test_some_mirrored_hands_are_counted(score):
    some = PRED.copy()
    some[:12, :, 0] *= -1
    assert "the mirror images of 12 of 40 hands fit far better" in score(some)[1]


def test_other_axes_are_noted(score):
    _, notes = score(PRED * [1, -1, -1])
    assert "x, y, z should be x, -y, -z of the predictions" in notes
    assert "axes" not in score(PRED * [1, -1, -1], TRUTH, "--align", "procrustes")[1]
    _, notes = score(centred(PRED), TRUTH, "--align", "none")
    assert "say --align root" in notes


@pytest.mark.parametrize("nothing", [0.0, 7.5, np.nan])
def test_hands_without_extent_count_as_not_predicted(score, nothing):
    some = PRED.copy()
    some[:10] = nothing
    result, notes = score(some)
    assert "10 of 40 hands are NaN or have no extent: counted as not predicted" in notes
    rest = score(PRED[10:], TRUTH[10:])[0]
    assert (result["n_samples"], result["n_predicted"], result["n_joints"]) == (40, 30, 630)
    assert result["epe_mean"] == pytest.approx(rest["epe_mean"])
    assert result["auc_0_50"] == pytest.approx(rest["auc_0_50"])
    wrong = result["missing_as_wrong"]
    assert wrong["n_joints"] == 840
    assert wrong["auc_0_50"] == pytest.approx(0.75 * rest["auc_0_50"])
    assert wrong["pck"] == pytest.approx([0.75 * share for share in rest["pck"]])
    assert score(some, TRUTH, "--align", "root_scale")[0]["n_predicted"] == 30


def test_missing_hands_count_by_joint_under_hand3d_and_in_the_table(score, capsys):
    some, visible = PRED.copy(), np.ones((40, 21), bool)
    some[:10] = 0
    visible[:20, 4] = False
    wrong = score(some, TRUTH, "--protocol", "hand3d", visible=visible)[0]["missing_as_wrong"]
    assert wrong["n_joints"] == 820
    assert main(["--pred", "pred.npz", "--truth", "truth.npz"]) == 0
    assert "40 samples (30 predicted), 630 joints" in (out := capsys.readouterr().out)
    assert "all, missing as wrong" in out


def test_no_predicted_hand_at_all_is_refused(score):
    with pytest.raises(HandposeError, match="40 hands that are NaN or without extent"):
        score(np.zeros((40, 21, 3)))


def test_true_hands_without_extent_count_as_not_annotated(score):
    truth = TRUTH.copy()
    truth[3] = 0
    result, notes = score(PRED, truth)
    assert "truth.npz: 1 of 40 hands have no extent: counted as not annotated" in notes
    assert result["n_joints"] == 39 * 21


def test_copies_are_noted(score):
    assert "every joint is exactly the truth's" in score(TRUTH)[1]
    constant = np.repeat(TRUTH[:1], 40, axis=0) + np.arange(40)[:, None, None]
    assert "pred.npz: all 40 hands are the same about the wrist" in score(constant)[1]


def test_no_figure_is_a_negative_zero(score, capsys):
    far = PRED + np.where(np.arange(21)[:, None] > 0, 400.0, 0)
    result, _ = score(far)
    assert "-0" not in json.dumps(result)
    assert main(["--pred", "pred.npz", "--truth", "truth.npz"]) == 0
    assert "-0" not in capsys.readouterr().out


@pytest.mark.parametrize("stored", [
    lambda joints: joints.astype(np.float16), lambda joints: joints.astype(">f8"), np.asfortranarray,
    lambda joints: joints.round().astype(np.int32),
])  # fmt: skip
def test_other_ways_to_store_numbers(score, stored):
    assert score(stored(PRED), stored(TRUTH))[0]["epe_mean"] == pytest.approx(score()[0]["epe_mean"], abs=0.3)


@pytest.mark.parametrize(
    ("shaped", "fix"),
    [
        (PRED.reshape(40, 63), "Reshape the rows"),
        (PRED.transpose(0, 2, 1), "Transpose each hand"),
        (np.concatenate([PRED, np.ones((40, 21, 1))], axis=2), "looks like confidences"),
        (PRED[..., :2], "joints in px"),
        (PRED.reshape(20, 42, 3), "both hands of each sample"),
        (PRED[:, 1:], "perhaps the wrist"),
        (PRED[0], "a single hand"),
        (np.zeros((40, 778, 3)), "vertices"),
    ],
)
def test_other_shapes_are_refused_with_the_next_step(score, shaped, fix):
    with pytest.raises(HandposeError, match=fix):
        score(shaped)


def test_json_with_a_byte_order_mark_and_suffixes_in_capitals(score, tmp_path, capsys):
    score()
    (tmp_path / "PRED.JSON").write_text(json.dumps((PRED / 1000).tolist()), encoding="utf-8-sig")
    (tmp_path / "truth.npz").rename(tmp_path / "TRUTH.NPZ")
    assert main(["--pred", "PRED.JSON", "--truth", "TRUTH.NPZ", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_samples"] == 40


def test_json_in_millimetres_is_read_where_that_is_said(score, tmp_path, capsys):
    score()
    (tmp_path / "pred.json").write_text(json.dumps(PRED.tolist()))
    with pytest.raises(HandposeError, match=r"FreiHAND's format is in metres. Say --pred-units mm"):
        main(["--pred", "pred.json", "--truth", "truth.npz"])
    assert main(["--pred", "pred.json", "--truth", "truth.npz", "--pred-units", "mm"]) == 0
    capsys.readouterr()


def test_hands_npz_of_predict_is_read_by_its_pictures(score, tmp_path, capsys):
    score()
    keep = np.array([i for i in range(40) if i != 7])
    rows = {"names": np.array([f"{i}.jpg" for i in range(40)]), "joints_3d": centred(PRED)[keep]}
    np.savez(tmp_path / "hands.npz", picture=keep, **rows)
    assert main(["--pred", "hands.npz", "--truth", "truth.npz", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["n_predicted"] == 39
    assert "1 of 40 hands are NaN" in captured.err
    np.savez(tmp_path / "hands.npz", picture=np.maximum(keep, 1), **rows)
    with pytest.raises(HandposeError, match="1 pictures with several hands, the first is row 1 of names"):
        main(["--pred", "hands.npz", "--truth", "truth.npz"])
