"""``handpose demo``: a page in the browser that turns photographs into hands in 3D."""

import argparse
from collections.abc import Sequence

from handpose_core.cli.export import add_framing
from handpose_core.cli.options import add_model, check_model, port_number
from handpose_core.web.server import HOST, import_gradio, serve


def main(argv: Sequence[str]) -> int:
    """Run ``handpose demo`` until Ctrl+C; the exit status.

    Raises:
        HandposeError: no such model, no gradio, or no port to serve at.
    """
    options = _parser().parse_args(argv)
    check_model(options)
    import_gradio()  # told before a model is loaded
    from handpose_core.predict.load import load
    from handpose_core.predict.memory import keep_freed_memory
    from handpose_core.web.hands import Demo, hands_page

    keep_freed_memory()
    model = load(options.checkpoint or options.model, image_size=options.image_size, crop_scale=options.crop_scale)
    serve(hands_page(Demo(model)), "hands in 3D", options.host, options.port)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "handpose demo",
        description="Serve a page: drop a photograph or use the camera, see the hand drawn on it, turn it in 3D. "
        "Needs the extra handpose-core[web].",
    )
    model = parser.add_argument_group("model")
    add_model(model)
    add_framing(model)
    page = parser.add_argument_group("page")
    page.add_argument("--port", type=port_number, metavar="N", help="default: the first free one from 7860")
    page.add_argument(
        "--host",
        default=HOST,
        help=f"address to serve the page at (default: {HOST}, for this machine alone; 0.0.0.0 for all)",
    )
    return parser
