"""The method as ``handpose tassn`` finds it, and the console script ``handpose-tassn``."""

from collections.abc import Sequence

from handpose_core.cli.method import method_main
from handpose_core.cli.registry import Command, Method

METHOD = Method(
    summary="3D pose and mesh from video, learnt from 2D labels by silhouettes and temporal consistency",
    module="handpose_tassn.module:TASSNModule",
    commands={
        "adapt": Command("adapt a trained model to a video without 3D labels", "handpose_tassn.adapt.command:main")
    },
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``handpose-tassn``; the exit status."""
    return method_main("tassn", METHOD, argv)
