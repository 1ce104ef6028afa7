"""Refusal of files that hold something else than their names say."""

from pathlib import Path

from handpose_core.errors import HandposeError
from handpose_core.io.content import HEAD_BYTES, Content, describe_foreign

_ZIP = b"PK"


def refuse_foreign(path: Path, expected: str, where: str = "", zipped: bool = False) -> None:
    """Name a file that could not be read for what it holds, where that can be recognised; call it on a failure.

    Args:
        path: the file.
        expected: what it should be, for the message.
        where: the file or the option and the file, for the message; default: ``path``.
        zipped: whether a whole file of the expected kind is a zip archive, as ``.npz`` and checkpoints are.

    Raises:
        HandposeError: it is a Git LFS pointer, an HTML page, a MATLAB 7.3 file, an archive, a picture of another
            kind, or empty.
    """
    content = recognise_foreign(path, zipped)
    if content is not None:
        raise HandposeError(where or str(path), content.found, expected, content.fix)


def recognise_foreign(path: Path, zipped: bool = False) -> Content | None:
    """Recognise what a file holds by its first bytes.

    Args:
        path: the file.
        zipped: whether a zip archive is nothing foreign.

    Returns:
        The kind and the next step; None for other kinds, and for what is no file or cannot be opened.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return None
    return None if zipped and head.startswith(_ZIP) else describe_foreign(head)
