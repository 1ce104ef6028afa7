"""Pictures that are read as 8-bit RGB but stored as something else."""

from collections.abc import Iterator
from typing import Literal

HEAD_BYTES = 1 << 16
"""Bytes of a file's start that `describe_unusual` needs."""
_PNG = b"\x89PNG\r\n\x1a\n"
_GREY_PNG = (0, 4)  # colour types: grey, grey with alpha
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG's start-of-frame markers
_APP1, _SCAN = 0xE1, 0xDA
_ORIENTATION = 0x0112
_CHANNELS = {1: "grey", 4: "in CMYK"}


def describe_unusual(head: bytes) -> tuple[str, ...]:
    """Describe how a JPEG or PNG differs from 8-bit RGB as it is shown.

    Args:
        head: the file's first `HEAD_BYTES` bytes, or all of it.

    Returns:
        Some of ``grey``, ``in CMYK``, ``of 16 bits`` (or another depth) and ``turned by EXIF data``; nothing for
        usual pictures and for other kinds of files.
    """
    if head.startswith(_PNG) and len(head) > 25:
        bits, colour = head[24], head[25]
        return tuple(["grey"] * (colour in _GREY_PNG) + [f"of {bits} bits"] * (bits > 8))
    found: list[str] = []
    for marker, body in _segments(head):
        if marker in _FRAMES and len(body) > 5:
            found += [f"of {body[0]} bits"] * (body[0] != 8) + ([_CHANNELS[body[5]]] if body[5] in _CHANNELS else [])
        elif marker == _APP1 and body.startswith(b"Exif\0\0") and _orientation(body[6:]) not in (0, 1):
            found.append("turned by EXIF data")
    return tuple(found)


def _segments(head: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and body of a JPEG's segments before the first scan."""
    if not head.startswith(b"\xff\xd8"):
        return
    place = 2
    while place + 4 <= len(head) and head[place] == 0xFF and head[place + 1] != _SCAN:
        if head[place + 1] == 0xFF:  # a fill byte
            place += 1
            continue
        length = int.from_bytes(head[place + 2 : place + 4])
        yield head[place + 1], head[place + 4 : place + 2 + length]
        place += 2 + length


def _orientation(tiff: bytes) -> int:
    """The orientation in EXIF data, 1 to 8; 0 where there is none."""
    order: Literal["little", "big"] = "little" if tiff.startswith(b"II") else "big"
    start = int.from_bytes(tiff[4:8], order)
    count = int.from_bytes(tiff[start : start + 2], order)
    for entry in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        if int.from_bytes(tiff[entry : entry + 2], order) == _ORIENTATION:
            return int.from_bytes(tiff[entry + 8 : entry + 10], order)
    return 0
