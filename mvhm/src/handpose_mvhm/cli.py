"""The method as ``handpose mvhm`` finds it, and the console script ``handpose-mvhm``."""

from collections.abc import Sequence

from handpose_core.cli.method import method_main
from handpose_core.cli.registry import Command, Method

METHOD = Method(
    summary="3D pose and mesh from one view or several, and the multi-view dataset they learn from",
    module="handpose_mvhm.module:MVHMModule",
    commands={
        "generate": Command(
            "make a multi-view dataset of posed hands, at any size", "handpose_mvhm.generate.command:main"
        ),
    },
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``handpose-mvhm``; the exit status."""
    return method_main("mvhm", METHOD, argv)
