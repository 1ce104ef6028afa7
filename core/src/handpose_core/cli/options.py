"""Command-line options that several commands have, and values for argparse's ``type``."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from handpose_core.errors import HandposeError

# What argparse takes for an option although it is a value: its own rule knows plain negative numbers alone.
_NEGATIVE_VALUE = re.compile(r"-((\d+\.?\d*|\.\d+)(e[-+]?\d+)?|inf(inity)?|nan)(,.*)?", re.IGNORECASE)
_PLAIN_NUMBER = re.compile(r"-\d+|-\d*\.\d+")


def join_negative_values(argv: Sequence[str]) -> list[str]:
    """Join options and values that begin with a minus, which argparse would take for options themselves.

    Args:
        argv: arguments as they are typed, such as ``--box -5,-5,100,100`` or ``--rate -1e-3``.

    Returns:
        The same, with ``--box=-5,-5,100,100``; plain negative numbers, and what follows ``--``, stay as they are.
    """
    joined: list[str] = []
    for position, argument in enumerate(argv):
        if argument == "--":
            return [*joined, *argv[position:]]
        before = joined[-1] if joined else ""
        is_value = _NEGATIVE_VALUE.fullmatch(argument) and not _PLAIN_NUMBER.fullmatch(argument)
        if is_value and before.startswith("--") and "=" not in before:
            joined[-1] = f"{before}={argument}"
        else:
            joined.append(argument)
    return joined


def positive(text: str) -> int:
    """A whole number from 1.

    Raises:
        argparse.ArgumentTypeError: it is less.
    """
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"found {text}; expected a whole number from 1")
    return value


def port_number(text: str) -> int:
    """Parse the number of a port.

    Args:
        text: as given on the command line.

    Returns:
        The port, 1 to 65535.

    Raises:
        argparse.ArgumentTypeError: there is no such port.
    """
    value = int(text)
    if not 0 < value < 2**16:
        raise argparse.ArgumentTypeError(f"found {text}; expected a port from 1 to 65535")
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
