"""Recognition of files by their first bytes, whatever their names say."""

from dataclasses import dataclass

#: Bytes of a file's start that `describe_foreign` needs.
HEAD_BYTES = 4096

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HTML_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body")
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heif", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_JP2_BRANDS = frozenset({b"jp2 ", b"jpx ", b"jpm "})
_JP2_BOX = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_JP2_CODESTREAM = b"\xff\x4f\xff\x51"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_MATLAB_73 = b"MATLAB 7.3 MAT-file"


@dataclass(frozen=True)
class Content:
    """A kind of file, and what to do where another kind was expected.

    Args:
        found: the kind in words, for `handpose_core.errors.HandposeError.found`.
        fix: the next step, for `handpose_core.errors.HandposeError.fix`.
    """

    found: str
    fix: str


def describe_foreign(data: bytes) -> Content | None:
    """Recognise files that often lie in place of a picture, a video or a MATLAB file.

    Pictures that some programs can read (HEIC, AVIF, JPEG 2000) are recognised as well: callers that read them must
    read first, and ask only when that failed.

    Args:
        data: the file's first `HEAD_BYTES` bytes, or all of it.

    Returns:
        The kind and the next step; None for everything else.
    """
    if not data:
        return Content("an empty file", "Copy or download it again.")
    if data.startswith(_LFS_POINTER):
        return Content("a Git LFS pointer in place of the file itself", "Fetch the content with: git lfs pull")
    if data.removeprefix(_BYTE_ORDER_MARK).lstrip().lower().startswith(_HTML_STARTS):
        return Content("an HTML page", "The download gave a web page (a log-in or an error): download the file again.")
    return _archive(data) or _matlab(data) or _picture(data)


def _archive(data: bytes) -> Content | None:
    for start, name in (
        (b"\x1f\x8b", "gzip"),
        (b"PK\x03\x04", "zip"),
        (b"PK\x05\x06", "zip"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"Rar!\x1a\x07", "rar"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
    ):
        if data.startswith(start):
            return Content(f"a {name} archive", "Unpack it first.")
    return Content("a tar archive", "Unpack it first.") if data[257:262] == b"ustar" else None


def _matlab(data: bytes) -> Content | None:
    if data.startswith(_MATLAB_73):
        return Content("a MATLAB 7.3 file (HDF5)", "Save it in MATLAB with: save(file, ..., '-v7')")
    if data.startswith(_HDF5) or data[512:520] == _HDF5:
        return Content("an HDF5 file", "Convert it first, for example with h5py.")
    return None


def _picture(data: bytes) -> Content | None:
    fix = "Convert it to JPEG or PNG first, for example with ImageMagick: magick FILE FILE.png"
    if data.startswith((_JP2_BOX, _JP2_CODESTREAM)):
        return Content("a JPEG 2000 picture", fix)
    major, compatible = _brands(data)
    if major in _AVIF_BRANDS or (major in _HEIC_BRANDS and compatible & _AVIF_BRANDS):
        return Content("an AVIF picture", fix)
    if major in _HEIC_BRANDS:
        return Content("a HEIC picture", fix)
    return Content("a JPEG 2000 picture", fix) if major in _JP2_BRANDS else None


def _brands(data: bytes) -> tuple[bytes, set[bytes]]:
    """Return the major brand and the compatible brands of an ISO base media file; empty for other files."""
    if data[4:8] != b"ftyp":
        return b"", set()
    end = min(int.from_bytes(data[:4]), len(data))
    return data[8:12], {data[place : place + 4] for place in range(16, end - 3, 4)}
