"""``handpose data show``: draw one sample of a dataset, or leaf through all in the browser."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handpose_core.cli.options import port_number
from handpose_core.errors import HandposeError
from handpose_core.web.server import HOST, serve

if TYPE_CHECKING:
    from handpose_core.datasets.detect import Source


def main(argv: Sequence[str]) -> int:
    """Run ``handpose data show``; the exit status.

    Raises:
        HandposeError: no known dataset, no such split or sample, an output that exists, what the reader raises, or
            for ``--web`` no gradio or no port to serve at.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.web and (arguments.out or arguments.mesh):
        parser.error("--out, --mesh: a page writes no files; leave out these or --web")
    if not arguments.web and (arguments.host or arguments.port):
        parser.error("--host, --port: only a page has these; add --web")
    return _serve(arguments) if arguments.web else _draw(arguments)


def _draw(arguments: argparse.Namespace) -> int:
    from handpose_core.datasets.detect import open_split
    from handpose_core.viz.sample import draw_sample
    from handpose_core.viz.sheet import with_caption, write_image

    out = arguments.out or Path(f"{arguments.root.resolve().name}_{arguments.index}.png")
    _check_outputs(arguments, out)
    source = open_split(arguments.root, arguments.split)
    index = _index(arguments, source)
    _check_mesh(arguments, source)
    write_image(out, with_caption(draw_sample(source[index]), source.where(index)))
    print(f"{source.where(index)}: drawn to {out}")
    if arguments.mesh is not None:
        _write_mesh(arguments, source, index)
    print("; ".join(f"{name} {value}" for name, value in source.describe().items()))
    return 0


def _check_outputs(arguments: argparse.Namespace, out: Path) -> None:
    """Refuse to write over files: those of the dataset under all circumstances, others unless told to."""
    from handpose_core.io.outputs import check_new_file
    from handpose_core.viz.sheet import check_picture_name

    check_picture_name(out, "--out")
    if arguments.mesh is not None and arguments.mesh.resolve() == out.resolve():
        raise HandposeError(f"--mesh {arguments.mesh}", "the file of --out", "another file", "Name another file.")
    for option, path in (("--out", out), ("--mesh", arguments.mesh)):
        if path is not None:
            of_dataset = path.resolve().is_relative_to(arguments.root.resolve())
            check_new_file(path, [path] if of_dataset else [], arguments.overwrite, option)


def _check_mesh(arguments: argparse.Namespace, source: "Source") -> None:
    """Refuse ``--mesh`` before anything is written, where there is none."""
    from handpose_core.datasets.mvhm import MVHM

    if arguments.mesh is not None and not isinstance(source, MVHM):
        raise HandposeError(
            f"{arguments.root}, --mesh", "a dataset without meshes", "one that `handpose mvhm generate` made",
            "Leave --mesh out.",
        )  # fmt: skip


def _write_mesh(arguments: argparse.Namespace, source: "Source", index: int) -> None:
    from handpose_core.datasets.mvhm import MVHM
    from handpose_core.viz.mesh import write_glb

    assert isinstance(source, MVHM)
    write_glb(arguments.mesh, source.mesh(index))
    print(f"the hand's mesh: {arguments.mesh}")


def _serve(arguments: argparse.Namespace) -> int:
    from handpose_core.web.dataset import dataset_page
    from handpose_core.web.leaves import Leaves

    leaves = Leaves(arguments.root)
    index = _index(arguments, leaves.source(arguments.split))
    page = dataset_page(leaves, arguments.split or leaves.splits[0], index)
    serve(page, f"{leaves.dataset}, {leaves.root}", arguments.host or HOST, arguments.port)
    return 0


def _index(arguments: argparse.Namespace, source: "Source") -> int:
    index: int = arguments.index
    if not 0 <= index < len(source):
        raise HandposeError(
            f"{arguments.root}, --index", str(index), f"0 to {len(source) - 1}", "Choose a sample that is there."
        )
    return index


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="handpose data show",
        description="Draw one sample: the image with its joints, mask, depth, and the hand in 3D from two sides. "
        "With --web: a page to leaf through the dataset in the browser, served from this machine.",
    )
    parser.add_argument("root", type=Path, metavar="ROOT", help="the dataset's folder")
    parser.add_argument("--index", type=int, default=0, metavar="I", help="which sample, from 0 (default: 0)")
    parser.add_argument("--split", help="which split, by its reader's name (default: the first that is there)")
    parser.add_argument("--out", type=Path, metavar="PICTURE", help="the file to write (default: <ROOT>_<I>.png)")
    parser.add_argument(
        "--overwrite", action="store_true", help="write over a picture that is there, if it lies outside of the dataset"
    )
    parser.add_argument("--mesh", type=Path, metavar="GLB", help="also write the hand's mesh, for data that have one")
    parser.add_argument("--web", action="store_true", help="serve a page; needs the extra handpose-core[web]")
    parser.add_argument(
        "--port", type=port_number, metavar="N", help="of the page (default: the first free one from 7860)"
    )
    parser.add_argument(
        "--host", help=f"address to serve the page at (default: {HOST}, for this machine alone; 0.0.0.0 for all)"
    )
    return parser
