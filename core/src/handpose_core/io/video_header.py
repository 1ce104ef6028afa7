"""Headers of video files: the container, the codec's code and the announced number of frames."""

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from handpose_core.io.content import HEAD_BYTES, describe_foreign

_PARENT_BOXES = frozenset({b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl"})
_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})
_LARGEST_BOX = 1 << 24
_EBML = b"\x1aE\xdf\xa3"
_MATROSKA_HEAD = 1 << 16
_MATROSKA_CODEC = re.compile(rb"V_[A-Z0-9/_]+")
_VIDEO_BRANDS = frozenset(
    {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"qt  ", b"dash", b"av01"}
)
_CODECS = {
    "av01": "AV1",
    "V_AV1": "AV1",
    "AV01": "AV1",
    "vvc1": "H.266 (VVC)",
    "vvi1": "H.266 (VVC)",
    "encv": "an encrypted stream (DRM)",
}


@dataclass(frozen=True)
class VideoHeader:
    """Facts from a video file's header.

    Args:
        codec: the code of the first video stream, such as ``avc1``; None where it was not found.
        frames: the number of frames that the header announces; None where it announces none, or where an edit list
            leaves some of them out.
        trimmed: whether an edit list leaves frames out.
        indexed: False for an MP4 or QuickTime file whose index (``moov``) is missing.
    """

    codec: str | None = None
    frames: int | None = None
    trimmed: bool = False
    indexed: bool = True

    @property
    def codec_name(self) -> str | None:
        """The codec in words, such as ``AV1``, or its code."""
        return None if self.codec is None else _CODECS.get(self.codec, self.codec)


def read_header(path: Path) -> VideoHeader:
    """Read a video file's header, as far as its container is MP4/QuickTime, AVI or Matroska/WebM.

    Args:
        path: the file.

    Returns:
        The codec and the announced number of frames; None for each that was not found.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if head.startswith(_EBML):
            found = _MATROSKA_CODEC.search(head + file.read(_MATROSKA_HEAD))
            return VideoHeader(found.group().decode() if found else None)
        if head[:4] == b"RIFF" and head[8:] == b"AVI ":
            return _avi(head + file.read(HEAD_BYTES))
        return _iso(file) if head[4:8] in _FIRST_BOXES else VideoHeader()


def looks_like_video(path: Path) -> bool:
    """Recognise a video by its content, for files without a known suffix.

    Args:
        path: the file.

    Returns:
        Whether it begins as an MP4, QuickTime, AVI, Matroska or WebM file; False for files that cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    if head.startswith(_EBML) or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return True
    return head[4:8] == b"ftyp" and head[8:12] in _VIDEO_BRANDS and describe_foreign(head) is None


def _avi(head: bytes) -> VideoHeader:
    """Find the first ``vids`` stream header: its codec's code, and its length in frames at byte 32."""
    place = head.find(b"strh")
    while 0 <= place <= len(head) - 44:
        header = head[place + 8 : place + 44]
        if header[:4] == b"vids":
            (length,) = struct.unpack("<I", header[32:36])
            return VideoHeader(_code(header[4:8]), length or None)
        place = head.find(b"strh", place + 4)
    return VideoHeader()


def _iso(file: BinaryIO) -> VideoHeader:
    """Find the first track of MP4 or QuickTime whose handler is ``vide``."""
    file.seek(0, 2)
    movie: dict[bytes, bytes] = {}
    track: dict[bytes, bytes] = {}
    for kind, content in _boxes(file, 0, file.tell()):
        if kind == b"trak":
            track = {}
        movie.setdefault(kind, content)
        track.setdefault(kind, content)  # QuickTime has a second `hdlr` in `minf`
        if kind == b"stsz" and track.get(b"hdlr", b"")[8:12] == b"vide":
            count = int.from_bytes(content[8:12])
            trimmed = _is_trimmed(movie.get(b"mvhd", b""), track, count)
            return VideoHeader(_code(track.get(b"stsd", b"")[12:16]), None if trimmed else count or None, trimmed)
    return VideoHeader(indexed=b"moov" in movie or b"ftyp" not in movie)


def _is_trimmed(movie_header: bytes, track: Mapping[bytes, bytes], count: int) -> bool:
    """Whether a track's edit list shows less of it than there is, by more than one and a half frames."""
    edits, (media_scale, media_length) = track.get(b"elst", b""), _scale_and_length(track.get(b"mdhd", b""))
    movie_scale, _ = _scale_and_length(movie_header)
    if not edits or not count or not media_scale or not movie_scale:
        return False
    layout = struct.Struct(">QqI" if edits[0] else ">IiI")
    whole = edits[8 : 8 + (len(edits) - 8) // layout.size * layout.size]
    shown = sum(length for length, start, _ in layout.iter_unpack(whole) if start >= 0) / movie_scale
    return 0 < shown < media_length / media_scale * (1 - 1.5 / count)


def _scale_and_length(header: bytes) -> tuple[int, int]:
    """Return the units a second and the duration in units out of an ``mvhd`` or ``mdhd`` box; zeros without one."""
    layout, start = (struct.Struct(">IQ"), 20) if header[:1] == b"\x01" else (struct.Struct(">II"), 12)
    if len(header) < start + layout.size:
        return 0, 0
    scale, length = layout.unpack_from(header, start)
    return scale, length


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and content of the boxes between two places, parents before their children.

    Contents of parents and of very large boxes are empty.
    """
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, kind, long_size = int.from_bytes(head[:4]), head[4:8], int.from_bytes(head[8:16])
        header = 16 if size == 1 else 8
        size = {0: end - start, 1: long_size}.get(size, size)
        if size < header:
            return
        if kind in _PARENT_BOXES:
            yield kind, b""
            yield from _boxes(file, start + header, min(start + size, end))
        elif size <= _LARGEST_BOX and kind != b"mdat":
            file.seek(start + header)
            yield kind, file.read(size - header)
        start += size


def _code(raw: bytes) -> str | None:
    return raw.decode("latin-1").strip("\0 ") or None
