"""``handpose score``: any tool's 3D joints against the truth, by the code that scores the methods here."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handpose_core.metrics.score import Score

_FORMATS = """\
files:
  .npz   joints_3d (N, 21, 3); in the truth optionally annotated and visible (N, 21)
  .npy   the joints alone, (N, 21, 3)
  .json  FreiHAND's pred.json, [xyz list, verts list], or its xyz list; in metres
Joints in canonical order: wrist, then thumb, index, middle, ring, little, each from palm to tip.
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
    result.add_argument("--units", default="mm", choices=("mm", "m"), help="of .npz and .npy files (default: mm)")
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
    """Read both files and score them, in double precision."""
    import torch

    from handpose_core.errors import HandposeError
    from handpose_core.metrics.files import read_prediction, read_truth
    from handpose_core.metrics.pose import HandPoseScore

    metric = HandPoseScore(options.protocol, options.align, options.root, recover="as predicted")
    prediction, truth = read_prediction(options.pred, options.units), read_truth(options.truth, options.units)
    if len(prediction.joints) != len(truth.joints):
        raise HandposeError(
            str(options.pred),
            f"{len(prediction.joints)} hands",
            f"{len(truth.joints)}, as {options.truth} has",
            "Predict every sample of the truth, in its order.",
        )
    for path, file in ((options.pred, prediction), (options.truth, truth)):
        if file.ignored:
            _note(f"{path}: not used: {', '.join(file.ignored)}")
    if options.protocol == "hand3d" and truth.visible is None:
        _note(f"{options.truth}: no key visible; every labelled joint counts as visible")
    visible = None if truth.visible is None else torch.from_numpy(truth.visible)
    metric.update(
        torch.from_numpy(prediction.joints), torch.from_numpy(truth.joints), torch.from_numpy(truth.annotated), visible
    )
    return metric.compute()


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)
