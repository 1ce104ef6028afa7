"""What a file is, in 64 digits."""

import hashlib
from pathlib import Path


def file_checksum(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
