"""gradio, kept to this machine: no reports to its makers, no fonts or scripts from elsewhere."""

import os
from types import ModuleType
from typing import Any

from handpose_core.errors import HandposeError

HOST = "127.0.0.1"
"""This machine alone."""
LARGEST_UPLOAD = 64 * 2**20
"""Bytes of a file that a page takes."""
_FONTS = {"font": ("system-ui", "sans-serif"), "font_mono": ("ui-monospace", "monospace")}


def import_gradio() -> ModuleType:
    """gradio, which is imported only when a page is made.

    Raises:
        HandposeError: it is not installed, or not in a version that can be imported.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read while it is imported, too
    try:
        import gradio
    except ImportError as error:
        raise HandposeError(
            "page", f"no gradio to make it with ({error})", "the packages of the extra `web`",
            "Install them: python -m pip install 'handpose-core[web]'",
        ) from error  # fmt: skip
    return gradio


def start(page: Any, host: str, port: int | None) -> str:
    """Serve a page from threads of this process, until it ends or ``page.close()``.

    Args:
        page: gradio's Blocks.
        host: The address to listen at.
        port: Where; None for the first that is free from 7860.

    Returns:
        The page's address.

    Raises:
        HandposeError: the address or port cannot be had.
    """
    theme = import_gradio().themes.Default(**_FONTS)
    try:
        _, url, _ = page.launch(
            server_name=host,
            server_port=port,
            prevent_thread_lock=True,
            quiet=True,
            show_error=True,
            share=False,
            ssr_mode=False,
            footer_links=[],
            max_file_size=LARGEST_UPLOAD,
            theme=theme,
        )
    except (OSError, ValueError) as error:  # the latter where the page cannot be reached from here
        raise HandposeError(
            "--host, --port", f"{host}, port {port or '7860 to 7959'}, where no page can be served ({error})",
            "an address of this machine and a free port",
            "Choose others, or end what listens there; a proxy must leave out this machine (NO_PROXY=localhost).",
        ) from error  # fmt: skip
    return str(url)


def serve(page: Any, shown: str, host: str, port: int | None) -> None:
    """Serve a page until Ctrl+C, and tell where; raises what `start` raises.

    Args:
        page: gradio's Blocks.
        shown: What the page shows, for the line that tells.
        host: See `start`.
        port: See `start`.
    """
    print(f"{shown}: {start(page, host, port)} (Ctrl+C ends it)", flush=True)
    page.block_thread()
