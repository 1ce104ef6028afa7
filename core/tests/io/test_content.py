"""What lies in place of a picture or a video is recognised by its first bytes."""

import gzip

import pytest

from handpose_core.io.content import describe_foreign


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    body = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return (len(body) + 4).to_bytes(4) + body + b"\x00\x00\x00\x08mdat"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "a Git LFS pointer"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><html>", "an HTML page"),
        (b"<html lang='en'>", "an HTML page"),
        (gzip.compress(b"x"), "a gzip archive"),
        (b"PK\x03\x04....", "a zip archive"),
        (bytes(257) + b"ustar\x0000", "a tar archive"),
        (b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n\x1a\n", "a MATLAB 7.3 file"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (ftyp(b"heic", b"mif1", b"heic"), "a HEIC picture"),
        (ftyp(b"mif1", b"heic", b"mif1"), "a HEIC picture"),
        (ftyp(b"mif1", b"avif", b"mif1"), "an AVIF picture"),
        (ftyp(b"avif", b"mif1"), "an AVIF picture"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n" + ftyp(b"jp2 "), "a JPEG 2000 picture"),
        (b"\xff\x4f\xff\x51\x00\x2f", "a JPEG 2000 picture"),
    ],
)
def test_foreign_content_is_named(data: bytes, found: str) -> None:
    content = describe_foreign(data)
    assert content is not None
    assert content.found.startswith(found)
    assert content.fix


@pytest.mark.parametrize(
    "data", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", ftyp(b"isom", b"mp41"), b"RIFF\0\0\0\0AVI "]
)
def test_pictures_and_videos_are_not_foreign(data: bytes) -> None:
    assert describe_foreign(data) is None
