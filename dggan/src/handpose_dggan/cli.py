"""The method as ``handpose dggan`` finds it, and the console script ``handpose-dggan``."""

from collections.abc import Sequence

from handpose_core.cli.method import method_main
from handpose_core.cli.registry import Method

METHOD = Method(
    summary="3D pose from one RGB image, regularised by depth maps learnt from unpaired images",
    module="handpose_dggan.module:DGGANModule",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``handpose-dggan``; the exit status."""
    return method_main("dggan", METHOD, argv)
