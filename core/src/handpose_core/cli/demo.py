"""``handpose demo``: a page in the browser that turns photographs into hands in 3D."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from handpose_core.cli.export import add_framing
from handpose_core.errors import HandposeError

_HOST = "127.0.0.1"


def main(argv: Sequence[str]) -> int:
    """Run ``handpose demo`` until Ctrl+C; the exit status.

    Raises:
        HandposeError: no such model, no gradio, or no port to serve at.
    """
    options = _parser().parse_args(argv)
    if options.checkpoint and options.model:
        raise HandposeError("--checkpoint and --model", "both", "one of them", "Leave one out.")
    from handpose_core.web.server import import_gradio, start

    import_gradio()  # told before a model is loaded
    from handpose_core.predict.load import load
    from handpose_core.web.hands import Demo, hands_page

    model = load(options.checkpoint or options.model, 1, options.image_size, options.crop_scale)
    page = hands_page(Demo(model))
    url = start(page, options.host, options.port)
    print(f"hands in 3D: {url} (Ctrl+C ends it)", flush=True)
    page.block_thread()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "handpose demo",
        description="Serve a page: drop a photograph or use the camera, see the hand drawn on it, turn it in 3D. "
        "Needs the extra handpose-core[web].",
    )
    model = parser.add_argument_group("model")
    model.add_argument(
        "--checkpoint", type=Path, metavar="CKPT", help="of any installed method (default: the model that comes along)"
    )
    model.add_argument("--model", type=Path, metavar="FILE", help="what handpose export or handpose onehand pack wrote")
    add_framing(model)
    page = parser.add_argument_group("page")
    page.add_argument("--port", type=int, metavar="N", help="default: the first free one from 7860")
    page.add_argument(
        "--host",
        default=_HOST,
        help=f"address to serve the page at (default: {_HOST}, for this machine alone; 0.0.0.0 for all)",
    )
    return parser
