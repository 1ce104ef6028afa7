"""The method as ``handpose tagan`` finds it, and the console script ``handpose-tagan``."""

from collections.abc import Sequence

from handpose_core.cli.method import method_main
from handpose_core.cli.registry import Command, Method

METHOD = Method(
    summary="simulated hands made to look real, matched to real poses",
    module="handpose_tagan.module:TAGANModule",
    commands={
        "generate": Command("make training sets of hands that look real", "handpose_tagan.commands.generate:main"),
        "compare": Command("draw what generators make of the same hands", "handpose_tagan.commands.compare:main"),
        "quality": Command("measure how far pictures are from real ones", "handpose_tagan.commands.quality:main"),
        "superpose": Command("lay simulated hands over real ones", "handpose_tagan.commands.superpose:main"),
        "simulate": Command("make simulated hands with labels and alpha", "handpose_tagan.commands.simulate:main"),
    },
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``handpose-tagan``; the exit status."""
    return method_main("tagan", METHOD, argv)
