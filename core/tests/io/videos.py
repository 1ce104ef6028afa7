"""Videos made for tests: with damaged frames, cut off, of a variable rate."""

import struct
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

RATE = 10.0
SIZE = (64, 48)


def grey(number: int) -> int:
    """The grey of a frame."""
    return 10 * number + 20


def write_frames(path: Path, count: int, code: str) -> Path:
    """Write frame after frame of one grey each, `grey`."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), RATE, SIZE)
    for number in range(count):
        writer.write(np.full((SIZE[1], SIZE[0], 3), grey(number), np.uint8))
    writer.release()
    return path


def with_damage(path: Path, count: int, damaged: Sequence[int]) -> Path:
    """Write an AVI of JPEGs in which some frames are noise."""
    write_frames(path, count, "MJPG")
    content = bytearray(path.read_bytes())
    place = content.index(b"movi")
    for number in range(count):
        place = content.index(b"00dc", place)
        size = int.from_bytes(content[place + 4 : place + 8], "little")
        if number in damaged:
            content[place + 8 : place + 8 + size] = b"\x55" * size
        place += 8 + size
    path.write_bytes(content)
    return path


def cut_off(path: Path, count: int, kept: int) -> Path:
    """Write an AVI of JPEGs that ends in the middle of the frame after the first ``kept``."""
    write_frames(path, count, "MJPG")
    content = path.read_bytes()
    place = content.index(b"movi")
    for _ in range(kept):
        place = content.index(b"00dc", place) + 8
    place = content.index(b"00dc", place)
    path.write_bytes(content[: place + 8 + int.from_bytes(content[place + 4 : place + 8], "little") // 2])
    return path


def with_steps(path: Path, steps_ms: Sequence[int]) -> Path:
    """Write an MP4 whose frames are shown for so many ms each."""
    write_frames(path, len(steps_ms), "mp4v")
    content = path.read_bytes()
    start, size = next((at, size) for kind, at, size in _boxes(content, 0, len(content)) if kind == b"moov")
    assert start + size == len(content)  # so that the frames do not move
    path.write_bytes(content[:start] + _with_steps(content[start:], steps_ms))
    return path


def mp4_with_codec(code: bytes) -> bytes:
    """The header of an MP4 whose one video track has a codec by this code."""
    description = _box(b"stsd", bytes(4) + (1).to_bytes(4) + _box(code, bytes(78)))
    sizes = _box(b"stsz", bytes(8) + (3).to_bytes(4) + (9).to_bytes(4) * 3)
    handler = _box(b"hdlr", bytes(8) + b"vide" + bytes(13))
    media = _box(b"mdia", handler + _box(b"minf", _box(b"stbl", description + sizes)))
    return _box(b"ftyp", b"isom" + bytes(4) + b"isom") + _box(b"moov", _box(b"trak", media)) + _box(b"mdat", bytes(27))


def _with_steps(box: bytes, steps_ms: Sequence[int]) -> bytes:
    """A box with other durations: ``stts`` and the time scale anew, without edit lists."""
    kind, content = box[4:8], box[8:]
    if kind == b"stts":
        rows = b"".join(struct.pack(">II", 1, step) for step in steps_ms)
        return _box(kind, bytes(4) + len(steps_ms).to_bytes(4) + rows)
    if kind == b"mdhd":
        return _box(kind, content[:12] + struct.pack(">II", 1000, sum(steps_ms)) + content[20:])
    if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        inner = [box[at : at + size] for _, at, size in _boxes(box, 8, len(box))]
        return _box(kind, b"".join(_with_steps(one, steps_ms) for one in inner if one[4:8] != b"edts"))
    return box


def _boxes(content: bytes, start: int, end: int) -> list[tuple[bytes, int, int]]:
    found = []
    while start + 8 <= end:
        size = int.from_bytes(content[start : start + 4])
        found.append((content[start + 4 : start + 8], start, size))
        start += size
    return found


def _box(kind: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4) + kind + content
