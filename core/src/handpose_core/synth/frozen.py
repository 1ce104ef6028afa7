"""Which files a synthetic dataset consists of, so that it can be told later whether it is still the one that was made.

Each finished part has a list ``checksums/PART.sha256`` of its files in the order of their names, in the form of
``sha256sum``, which can check it too; the manifest keeps the checksum of the list. Hidden files are nobody's.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from handpose_core.io.atomic import write_text
from handpose_core.io.checksums import file_checksum

FOLDER = "checksums"


@dataclass(frozen=True)
class Differences:
    """How a dataset's files differ from its lists.

    Attributes:
        listed: How many files the lists have.
        changed: Listed files with another content.
        missing: Listed files that are not there.
        added: Files that no list has.
    """

    listed: int
    changed: tuple[Path, ...]
    missing: tuple[Path, ...]
    added: tuple[Path, ...]


def freeze(root: Path, part: str, patterns: Iterable[str]) -> str:
    """Write the list of a part's files.

    Args:
        root: The dataset's folder.
        part: The split or sequence that is finished.
        patterns: Glob patterns, below the root, of all its files.

    Returns:
        The checksum of the list.
    """
    files = {path.relative_to(root).as_posix(): path for path in _files(root, patterns)}
    lines = (f"{file_checksum(files[name])}  {name}\n" for name in sorted(files))
    write_text(list_path(root, part), "".join(lines))
    return file_checksum(list_path(root, part))


def list_path(root: Path, part: str) -> Path:
    """``ROOT/checksums/PART.sha256``."""
    return root / FOLDER / f"{part}.sha256"


def listed(root: Path, part: str) -> dict[Path, str]:
    """Each file of a part's list and the checksum that it had; nothing where there is no list."""
    path = list_path(root, part)
    lines = path.read_text("utf-8", errors="replace").splitlines() if path.is_file() else ()
    pairs = (line.partition("  ") for line in lines)
    return {root / name: checksum for checksum, _, name in pairs}


def differing_lists(root: Path, checksums: Mapping[str, str]) -> list[Path]:
    """Lists that are not there or not those whose checksums the manifest keeps."""
    paths = {part: list_path(root, part) for part in checksums}
    return [path for part, path in paths.items() if not path.is_file() or file_checksum(path) != checksums[part]]


def differences(root: Path, parts: Iterable[str], manifest: Path) -> Differences:
    """Compare every file with the lists of the finished parts.

    Args:
        root: The dataset's folder.
        parts: Those that are finished.
        manifest: The file that is part of the dataset beside them.
    """
    expected = {path: checksum for part in parts for path, checksum in listed(root, part).items()}
    own = {manifest, *root.glob(f"{FOLDER}/*")}
    missing = tuple(path for path in expected if not path.is_file())
    changed = (path for path, checksum in expected.items() if path.is_file() and file_checksum(path) != checksum)
    added = (path for path in _files(root, ["**/*"]) if path not in expected and path not in own)
    return Differences(len(expected), tuple(changed), missing, tuple(added))


def _files(root: Path, patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        for path in root.glob(pattern):
            if path.is_file() and not any(name.startswith(".") for name in path.relative_to(root).parts):
                yield path
