"""A job in another Python: frames both ways, its last words, its end."""

import sys
from pathlib import Path

import pytest

from handpose_core.errors import HandposeError
from handpose_core.foreign_python import ForeignPython

JOB = """
import struct, sys
def send(content):
    sys.stdout.buffer.write(struct.pack("<q", len(content)) + content)
    sys.stdout.buffer.flush()
send(b"here")
while header := sys.stdin.buffer.read(8):
    content = sys.stdin.buffer.read(*struct.unpack("<q", header))
    if content == b"end":
        sys.exit("out of memory")
    if content == b"half":
        sys.stdout.buffer.write(struct.pack("<q", 9) + b"x")
        sys.exit(3)
    send(content[::-1] * 2)
open(sys.argv[0] + ".ended", "w").close()
"""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "job.py"
    path.write_text(JOB)
    return path


def start(job: Path, python: str = sys.executable) -> ForeignPython:
    return ForeignPython(python, job, "--other-python", "a Python with other", "Make one.")


def test_frames_go_both_ways_until_it_is_closed(job: Path) -> None:
    other = start(job)
    assert other.greeting == b"here"
    assert other.ask(b"abc\n\0") == b"\0\ncba" * 2
    assert other.ask(bytes(range(256)) * 4096) == bytes(range(255, -1, -1)) * 8192  # more than a pipe holds
    other.close()
    other.close()
    assert Path(f"{job}.ended").is_file()


def test_it_ends_with_its_owner(job: Path) -> None:
    other = start(job)
    del other
    assert Path(f"{job}.ended").is_file()


@pytest.mark.parametrize(("request_", "words"), [(b"end", "out of memory"), (b"half", "exit status 3")])
def test_a_job_that_ends_is_told_with_its_last_words(job: Path, request_: bytes, words: str) -> None:
    other = start(job)
    with pytest.raises(HandposeError, match=f"answers with an error: {words}"):
        other.ask(request_)


def test_a_python_that_does_not_run_or_begin_is_named(job: Path, tmp_path: Path) -> None:
    with pytest.raises(HandposeError, match=r"--other-python .*nowhere: found it does not run"):
        start(job, str(tmp_path / "nowhere"))
    with pytest.raises(HandposeError, match="starts with an error: exit status 0"):
        start(job, "echo")
    job.write_text("import no_such_package")
    with pytest.raises(HandposeError, match=r"starts with an error.*no_such_package.*Make one"):
        start(job)
