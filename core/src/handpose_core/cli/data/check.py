"""``handpose data check``: say what a dataset's folder holds, and look whether it can be what it says."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from handpose_core.cli.options import positive

_PICTURES = Path("runs") / "data_check"


def main(argv: Sequence[str]) -> int:
    """Run ``handpose data check``.

    Returns:
        0 where nothing is wrong (warnings allowed, as of a partial copy), else 1.

    Raises:
        HandposeError: the folder holds no known dataset.
    """
    arguments = _parser().parse_args(argv)
    from rich.console import Console

    from handpose_core.checks.pictures import draw_findings
    from handpose_core.checks.report import check
    from handpose_core.checks.tell import as_dict, print_report

    report = check(arguments.root, arguments.images)
    folder = arguments.pictures or _PICTURES / arguments.root.resolve().name
    pictures = draw_findings(report, folder)
    if arguments.json:
        print(json.dumps(as_dict(report, pictures), indent=2, allow_nan=False))
    else:
        print_report(report, pictures, Console())
    return 0 if report.fine else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="handpose data check",
        description="Tell which dataset a folder holds, count it against what was published, and look: units, joint "
        "order, sides, bones, reprojection, masks, depth, damaged and duplicate files. Exit status 1 when something is "
        "wrong, 0 with warnings on a partial copy.",
    )
    parser.add_argument("root", type=Path, metavar="ROOT", help="the dataset's folder")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        help=f"where pictures of findings go (default: {_PICTURES}/<ROOT's name>)",
    )
    parser.add_argument(
        "--images",
        type=positive,
        default=200,
        metavar="N",
        help="labels whose pictures are decoded and compared, evenly spread over all parts; labels, file endings and "
        "duplicates are looked at in full (default: %(default)s)",
    )
    return parser
