"""``handpose data ...``: make, check, look at and prepare datasets; a module each, imported when it is run."""

from collections.abc import Sequence

from handpose_core.cli.registry import Command
from handpose_core.errors import HandposeError

COMMANDS = {
    "prepare": Command(
        "cut the hands out of a dataset and store them for fast reading", "handpose_core.cli.data.prepare:main"
    ),
    "synth": Command("make synthetic data in a dataset's own layout", "handpose_core.cli.data.synth:main"),
    "people": Command(
        "make pictures of people in which no hand is seen", "handpose_core.cli.data.unlabelled:main_people"
    ),
    "things": Command("make pictures of things, none of them a hand", "handpose_core.cli.data.unlabelled:main_things"),
    "check": Command(
        "say what a dataset's folder holds, and find what is wrong with it", "handpose_core.cli.data.check:main"
    ),
    "show": Command("draw one sample of a dataset", "handpose_core.cli.data.show:main"),
}


def main(argv: Sequence[str]) -> int:
    """Run ``handpose data``; the exit status."""
    name = argv[0] if argv else "--help"
    if name in ("-h", "--help"):
        print(_help())
        return 0 if argv else 2
    if name not in COMMANDS:
        raise HandposeError("handpose data", f"'{name}'", f"one of {', '.join(COMMANDS)}", "See handpose data --help.")
    return COMMANDS[name].load()(argv[1:])


def _help() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = (f"  {name:<{width}}{command.summary}" for name, command in COMMANDS.items())
    return "\n".join(["usage: handpose data <command> ...", "", "commands:", *lines, "", "Add --help for options."])
