"""Pictures and videos among the files of a folder: by suffix in any case, else by content; hidden files never.

Every command and reader that takes "the pictures of a folder" lists them here.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from handpose_core.io.content import HEAD_BYTES, describe_foreign

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".gif",
)  # fmt: skip
"""Suffixes, in lower case, of pictures that every OpenCV reads."""
VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".3gp", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".m2ts", ".wmv", ".flv", ".ogv",
)  # fmt: skip
"""Suffixes, in lower case, of videos."""

_RAW_SUFFIXES = (
    ".dng", ".nef", ".nrw", ".cr2", ".cr3", ".crw", ".arw", ".srf", ".sr2", ".orf", ".rw2", ".raf", ".pef", ".srw",
    ".rwl", ".3fr", ".iiq", ".x3f",
)  # fmt: skip
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"II*\0", b"MM\0*")
_OPTIONAL = ("an AVIF picture", "a JPEG 2000 picture")  # read by some builds of OpenCV
# Windows and macOS keep these beside pictures; they are hidden there, though their names do not say so.
_SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
_NAMED = 50
_FOLDER = "a folder, which is not searched"


@dataclass(frozen=True)
class ImageListing:
    """The pictures of a folder, and what else lies there.

    Args:
        folder: the folder.
        found: its pictures, by name.
        left_out: everything else by its name below the folder, and why it is no picture to read; hidden and system
            files are not listed.
    """

    folder: Path
    found: tuple[Path, ...]
    left_out: Mapping[str, str]

    def note(self) -> str | None:
        """Describe the files that were left out.

        Returns:
            ``left out: 2 files (a.heic: a HEIC picture, notes.txt: no picture)``; None where there is nothing to say.
        """
        return left_out_note(self.left_out)


def left_out_note(left_out: Mapping[str, str]) -> str | None:
    """Describe files that were left out, with their number, names and reasons.

    Args:
        left_out: the reason of each, by name.

    Returns:
        One line; None where there is none.
    """
    if not left_out:
        return None
    folders = sum(reason == _FOLDER for reason in left_out.values())
    counts = [(len(left_out) - folders, "file"), (folders, "folder")]
    number = " and ".join(f"{count} {name}{'s' * (count > 1)}" for count, name in counts if count)
    told = ", ".join(f"{shown_name(name)}: {reason}" for name, reason in list(left_out.items())[:_NAMED])
    return f"left out: {number} ({told}{f', and {len(left_out) - _NAMED} more' if len(left_out) > _NAMED else ''})"


def shown_name(name: str) -> str:
    """Return a file's name for messages: as it is, or quoted and escaped where it holds unprintable characters.

    Args:
        name: as the file system gives it; a name may hold line breaks or bytes that are no text.

    Returns:
        One line of printable text.
    """
    return name if name.isprintable() else repr(name)


def is_utf8(name: str) -> bool:
    """Tell whether a file's name is UTF-8, as OpenCV needs it: other names crash it.

    Args:
        name: as Python has it, with surrogates for bytes that are no UTF-8.

    Returns:
        False where there are such bytes.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def list_images(folder: Path, below: bool = False) -> ImageListing:
    """List the pictures of a folder.

    A file is a picture by its suffix in any case or, where the suffix says nothing, by its content. Hidden files and
    folders, such as macOS's ``._photo.jpg``, never count.

    Args:
        folder: the folder; one that does not exist is empty.
        below: whether to search the folders in it, too.

    Returns:
        The pictures, and what was left out and why.

    Raises:
        OSError: the folder cannot be read.
    """
    found, left_out = [], {}
    for path in sorted(_entries(folder, below)):
        reason = reason_left_out(path)
        if reason is None:
            found.append(path)
        else:
            left_out[path.relative_to(folder).as_posix()] = reason
    return ImageListing(folder, tuple(found), left_out)


def is_hidden(name: str) -> bool:
    """Return whether a file of this name is hidden, or one that Windows or macOS keeps for itself.

    Args:
        name: of a file or folder, without the folders above it.

    Returns:
        True for ``.DS_Store``, ``._photo.jpg``, ``Thumbs.db`` and their like.
    """
    return name.startswith(".") or name.lower() in _SYSTEM_FILES


def visible_names(folder: Path) -> set[str]:
    """Return the names in a folder without the hidden ones; nothing is opened.

    Args:
        folder: the folder.

    Returns:
        The names; none where there is no such folder.
    """
    return {path.name for path in folder.iterdir() if not is_hidden(path.name)} if folder.is_dir() else set()


def reason_left_out(path: Path) -> str | None:
    """Tell why a file is no picture.

    Args:
        path: the file; it is opened only where its suffix is no picture's.

    Returns:
        The reason; None for a picture, whole or damaged: whoever reads it says what is wrong with it. A link named
        like a picture is one, too, whether or not its file is there.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        return _FOLDER
    if not path.is_file() and not path.is_symlink():
        return "no regular file"
    if suffix in IMAGE_SUFFIXES:
        return None
    if suffix in VIDEO_SUFFIXES:
        return "a video"
    if suffix in _RAW_SUFFIXES:
        return "a raw photograph"
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        return f"a file that cannot be opened ({error.strerror})"
    return _reason_by_content(path, head)


def _reason_by_content(path: Path, head: bytes) -> str | None:
    if head.startswith(_STARTS) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return None
    content = describe_foreign(head)
    if content is None:
        return "no picture"
    if content.found not in _OPTIONAL:
        return content.found
    return None if _opencv_reads(path) else f"{content.found}, which this OpenCV cannot read"


def _opencv_reads(path: Path) -> bool:
    import cv2

    return is_utf8(str(path)) and bool(cv2.haveImageReader(str(path)))


def _entries(folder: Path, below: bool) -> Iterator[Path]:
    if not below:
        yield from (folder / name for name in visible_names(folder))
        return
    for parent, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not is_hidden(name)]
        yield from (Path(parent, name) for name in files if not is_hidden(name))


def _raise(error: OSError) -> None:
    raise error
