"""Command-line options that several commands have, and values for argparse's ``type``."""

import argparse
from pathlib import Path

from handpose_core.errors import HandposeError


def positive(text: str) -> int:
    """A whole number from 1.

    Raises:
        argparse.ArgumentTypeError: it is less.
    """
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"found {text}; expected a whole number from 1")
    return value


def add_overwrite(to: argparse._ActionsContainer) -> None:
    """Add ``--overwrite``, for `handpose_core.io.outputs.check_new_file`."""
    to.add_argument("--overwrite", action="store_true", help="replace the file if it exists (never an input)")


def add_model(to: argparse._ActionsContainer) -> None:
    """Which trained model."""
    to.add_argument(
        "--checkpoint", type=Path, metavar="CKPT", help="of any installed method (default: the model that comes along)"
    )
    to.add_argument(
        "--model",
        type=Path,
        metavar="FILE|FOLDER|hf://OWNER/NAME",
        help="what handpose export or handpose onehand pack wrote, a folder with such a model.safetensors, or one of "
        "the Hugging Face Hub (extra handpose-core[hub])",
    )


def check_model(options: argparse.Namespace) -> None:
    """Complain of two models.

    Raises:
        HandposeError: both were named.
    """
    if options.checkpoint and options.model:
        raise HandposeError("--checkpoint and --model", "both", "one of them", "Leave one out.")
