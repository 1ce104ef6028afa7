"""Are the files whole, and each another one?"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from handpose_core.checks.part import Part
from handpose_core.checks.verdict import Verdict, ok, skipped, warning, wrong
from handpose_core.errors import HandposeError
from handpose_core.io.content import Content
from handpose_core.io.foreign import recognise_foreign
from handpose_core.io.image_kinds import HEAD_BYTES, describe_unusual
from handpose_core.io.jpeg import is_cut_jpeg

_TAIL = 512
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_MARKED = (".png", ".jpg", ".jpeg", ".jfif", ".jpe")
_NAMED = 3
_LINK = Content("a link to a file that is not there", "Complete the copy: links were copied without their files.")
_NO_COLOURS = ("mask", "depth", "SK_depth", "shards", "label file")


def files_whole(part: Part) -> Verdict:
    """Look at the end of every file, and decode those of the sample wholly."""
    paths = list(_all_files(part))
    if not paths:
        return skipped("no files")
    cut: dict[Content | None, list[Path]] = defaultdict(list)
    for path in paths:
        if not _has_end(path):
            cut[recognise_foreign(path) if path.is_file() else _LINK].append(path)
    errors = [error for error in part.sample if isinstance(error, HandposeError)]
    if cut:
        seen = (
            f"{len(damaged)} of {len(paths)} files are {foreign.found if foreign else 'cut off'}: {names(damaged)}"
            for foreign, damaged in cut.items()
        )
        fixes = [foreign.fix if foreign else "Get these files again." for foreign in cut]
        return wrong("; ".join(seen), "; ".join(dict.fromkeys(fixes)))
    if errors:
        return wrong(
            f"{len(errors)} of {len(part.sample)} labels looked at cannot be read: {errors[0].where}: "
            f"{errors[0].found}; expected {errors[0].expected}",
            errors[0].fix,
        )
    return ok(f"{len(paths)} files end as they should; the pictures of {len(part.sample)} labels decode")


def usual_kinds(part: Part) -> Verdict:
    """Name colour pictures that are stored as something else than 8-bit RGB the right way up."""
    paths = [path for files in part.files if files.kind not in _NO_COLOURS for path in files.present]
    if not paths:
        return skipped("no colour pictures")
    kinds: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        for kind in describe_unusual(_head(path)):
            kinds[kind].append(path)
    if not kinds:
        return ok(f"{len(paths)} files are as colour pictures are")
    return warning(
        "; ".join(f"{len(odd)} of {len(paths)} files are {kind}: {names(odd)}" for kind, odd in kinds.items()),
        "They are read as 8-bit RGB, turned as their EXIF data say: see that their labels are of these pixels.",
    )


def duplicates(part: Part) -> Verdict:
    """Look for files of one kind with the same content."""
    unique = [files for files in part.files if files.unique and files.present]
    if not unique:
        return skipped("no files that should all differ")
    groups = [group for files in unique for group in _same(files.present)]
    if not groups:
        return ok(f"no two of {sum(len(files.present) for files in unique)} files are the same")
    copies = sum(len(group) - 1 for group in groups)
    return wrong(
        f"{copies} files are copies of others: {'; '.join(names(group) for group in groups[:_NAMED])}",
        "One picture cannot have two labels: get these files again, or leave the frames out with `exclude`.",
    )


def _all_files(part: Part) -> Iterator[Path]:
    for files in part.files:
        yield from files.present


def _same(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Groups of identical files. An image's end holds checksums, so few others need to be read wholly."""
    by_end: dict[tuple[int, bytes], list[Path]] = defaultdict(list)
    for path in paths:
        if path.is_file():  # a link to nothing is no copy of another
            by_end[path.stat().st_size, _tail(path)].append(path)
    for similar in by_end.values():
        if len(similar) > 1:
            by_content: dict[bytes, list[Path]] = defaultdict(list)
            for path in similar:
                by_content[hashlib.blake2b(path.read_bytes()).digest()].append(path)
            yield from (group for group in by_content.values() if len(group) > 1)


def _has_end(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(len(_PNG_START))
    if start == _PNG_START:
        return _tail(path).endswith(_PNG_END)
    if start.startswith(_JPEG_START):
        return _JPEG_END in _tail(path) or not is_cut_jpeg(path.read_bytes())
    return len(start) > 0 and path.suffix.lower() not in _MARKED


def _head(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        return file.read()


def names(paths: Iterable[Path]) -> str:
    """Files by their last folders and names: the first few, and how many more."""
    listed = sorted(paths)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(str(Path(*path.parts[-3:])) for path in listed[:_NAMED]) + more
