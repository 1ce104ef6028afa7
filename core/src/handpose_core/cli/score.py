"""``handpose score``: any tool's 3D joints against the truth, by the code that scores the methods here."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_ORDERS

if TYPE_CHECKING:
    from handpose_core.metrics.files import Prediction, Truth
    from handpose_core.metrics.score import Score

_UNITS = ("mm", "cm", "m")
_FORMATS = """\
files:
  .npz   joints_3d (N, 21, 3); in the truth optionally annotated and visible (N, 21); hands.npz of handpose predict
  .npy   the joints alone, (N, 21, 3)
  .json  FreiHAND's pred.json, [xyz list, verts list], or its xyz list; in metres
Joints in canonical order: wrist, then thumb, index, middle, ring, little, each from palm to tip. For other orders say
--order and --truth-order: mano (16 joints, then the tips), interhand, rhd, stb, mhp.

A predicted hand that is NaN, or all of whose joints are in one place, counts as not predicted. Errors are of the hands
that are predicted; PCK and AUC are also given with the joints of the others counted as wrong.

Joints in another unit than given are refused. Notes on standard error say where another joint order, the mirror image
or other axes fit far better.
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    result = argparse.ArgumentParser(
        "handpose score",
        description="Score predicted 3D joints: EPE, PCK and AUC under a named protocol and alignment.",
        epilog=_FORMATS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--pred", type=Path, required=True, metavar="FILE", help="the predictions")
    result.add_argument("--truth", type=Path, required=True, metavar="FILE", help="the true joints")
    result.add_argument(
        "--protocol",
        default="exact",
        choices=("exact", "hand3d", "freihand"),
        help="how errors are counted and averaged (default: exact)",
    )
    result.add_argument(
        "--align",
        default="root",
        choices=("none", "root", "root_scale", "procrustes"),
        help="before errors are measured (default: root)",
    )
    result.add_argument("--root", default="wrist", metavar="JOINT", help="root joint, or palm (default: wrist)")
    result.add_argument("--units", default="mm", choices=_UNITS, help="of .npz and .npy files (default: mm)")
    result.add_argument("--pred-units", choices=_UNITS, help="of the predictions, whatever their format")
    result.add_argument("--truth-units", choices=_UNITS, help="of the true joints, whatever their format")
    orders = tuple(JOINT_ORDERS)
    result.add_argument("--order", default="canonical", choices=orders, help="of the predicted joints (see below)")
    result.add_argument("--truth-order", default="canonical", choices=orders, help="of the true joints")
    result.add_argument("--json", action="store_true", help="print the result as JSON, with the PCK curve")
    return result


def main(argv: Sequence[str]) -> int:
    """Score a file of predictions and print the result.

    Args:
        argv: the options after ``handpose score``.

    Returns:
        0; everything that can go wrong raises.

    Raises:
        HandposeError: a file cannot be read or does not fit the other.
    """
    options = parser().parse_args(argv)
    score = _score(options)
    if options.json:
        print(json.dumps(score.as_dict(), indent=2, allow_nan=False))
    else:
        print(score, end="")
    return 0


def _score(options: argparse.Namespace) -> "Score":
    """Read both files, note their faults and score them, in double precision."""
    import numpy as np
    import torch

    from handpose_core.metrics.files import read_prediction, read_truth, unit_of
    from handpose_core.metrics.plausibility import Given, find_faults
    from handpose_core.metrics.pose import HandPoseScore

    metric = HandPoseScore(options.protocol, options.align, options.root, recover="as predicted")
    pred_unit = unit_of(options.pred, options.units, options.pred_units)
    truth_unit = unit_of(options.truth, options.units, options.truth_units)
    prediction = read_prediction(options.pred, pred_unit, options.order)
    truth = read_truth(options.truth, truth_unit, options.truth_order)
    _check_counts(options, prediction, truth)
    known = np.repeat(prediction.predicted[:, None], prediction.joints.shape[1], axis=1)
    for note in find_faults(
        Given(options.pred, prediction.joints, known, pred_unit, options.order, "pred"),
        Given(options.truth, truth.joints, truth.annotated, truth_unit, options.truth_order, "truth"),
        metric.comparison,
    ):
        _note(note)
    visible = None if truth.visible is None else torch.from_numpy(truth.visible)
    metric.update(
        torch.from_numpy(prediction.joints),
        torch.from_numpy(truth.joints),
        torch.from_numpy(truth.annotated),
        visible,
        torch.from_numpy(prediction.predicted),
    )
    return metric.compute()


def _check_counts(options: argparse.Namespace, prediction: "Prediction", truth: "Truth") -> None:
    """Refuse files of different lengths and note hands and keys that are not scored."""
    count, missing = len(prediction.joints), int((~prediction.predicted).sum())
    if count != len(truth.joints):
        raise HandposeError(
            str(options.pred),
            f"{count} hands",
            f"{len(truth.joints)}, as {options.truth} has",
            "Predict every sample of the truth, in its order; write NaN for a hand that is not found.",
        )
    if missing == count:
        raise HandposeError(
            str(options.pred), f"{count} hands that are NaN or without extent", "predicted hands", "Check the file."
        )
    if missing:
        _note(
            f"{options.pred}: {missing} of {count} hands are NaN or have no extent: counted as not predicted; errors "
            f"are of the other {count - missing}, and the row 'all, missing as wrong' is of all"
        )
    if truth.empty:
        _note(f"{options.truth}: {truth.empty} of {count} hands have no extent: counted as not annotated")
    for path, file in ((options.pred, prediction), (options.truth, truth)):
        if file.ignored:
            _note(f"{path}: not used: {', '.join(file.ignored)}")
    if options.protocol == "hand3d" and truth.visible is None:
        _note(f"{options.truth}: no key visible; every labelled joint counts as visible")


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)
