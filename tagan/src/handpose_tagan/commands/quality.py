"""``handpose tagan quality``: how far sets of pictures are from real ones."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from handpose_core.cli.options import add_overwrite, positive


def main(argv: Sequence[str]) -> int:
    """Run ``handpose tagan quality``; the exit status."""
    options = _parser().parse_args(argv)
    import json

    from rich.console import Console

    from handpose_core.io.atomic import write_text
    from handpose_core.io.commit import code_record
    from handpose_core.io.outputs import check_new_file
    from handpose_tagan.quality import FEATURES, folder_quality
    from handpose_tagan.quality_results import as_json, as_table

    if options.out is not None:
        check_new_file(options.out, [options.real, *options.sets], options.overwrite, "--out")
    size, most = options.image_size, options.most
    rows = [{"set": folder.name, **folder_quality(folder, options.real, size, most)} for folder in options.sets]
    Console().print(as_table(rows))
    print(f"fid_colour_edges and kid_colour_edges: of {FEATURES}")
    if options.out is not None:
        record = {
            **code_record(),
            "real": options.real.resolve().name,
            "image_size": size,
            "features": FEATURES,
            "sets": [as_json(row) for row in rows],
        }
        write_text(options.out, json.dumps(record, indent=2) + "\n")
        print(f"written: {options.out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="handpose tagan quality",
        description="Compare sets of pictures with real ones: distances of colour histograms, and FID and KID on "
        "colours and edges in place of an Inception network's features.",
    )
    parser.add_argument("real", type=Path, help="folder of real pictures")
    parser.add_argument("sets", type=Path, nargs="+", help="folders of simulated, superposed or generated pictures")
    parser.add_argument(
        "--image_size", type=positive, default=96, help="side of all pictures, px (default %(default)s)"
    )
    parser.add_argument(
        "--most", type=positive, default=1000, help="pictures of each set, evenly spread (default %(default)s)"
    )
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    add_overwrite(parser)
    return parser
