"""Values of command-line options, for argparse's ``type``."""

import argparse


def positive(text: str) -> int:
    """A whole number from 1.

    Raises:
        argparse.ArgumentTypeError: it is less.
    """
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"found {text}; expected a whole number from 1")
    return value
