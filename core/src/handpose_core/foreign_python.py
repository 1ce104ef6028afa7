"""A job in another Python: one that has a package which does not live with the suite's own.

The job is a file that imports nothing of the suite. Both sides send frames, bytes after their length (8 bytes, little
endian). The job's first frame says what it is; then it answers each frame with one, until its input ends.
"""

import struct
import subprocess
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from subprocess import Popen
from typing import IO

from handpose_core.errors import HandposeError

_LENGTH = struct.Struct("<q")
_LONGEST = 2**34
_PATIENCE = 10.0
"""Seconds in which a process ends that has something else to say than the job."""


class ForeignPython:
    """A process of another Python, which ends with this object or with the process that made it.

    Args:
        python: It can import what the job does.
        job: The file.
        name: What the user calls this Python, for messages.
        expected: What it must have.
        fix: How to get one.

    Attributes:
        greeting: The job's first frame.

    Raises:
        HandposeError: It does not run, or cannot begin the job.
    """

    def __init__(self, python: str, job: Path, name: str, expected: str, fix: str) -> None:
        self._where, self._expected, self._fix = f"{name} {python}", expected, fix
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 -- `close` closes it
        try:
            command = [python, "-I", str(job)]
            self._process = Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)
        except OSError as error:
            self._errors.close()
            raise self._failure(f"it does not run ({error})") from error
        self.close = weakref.finalize(self, _end, self._process, self._errors)
        """Ends the process; a second time it does nothing."""
        self.greeting = self._receive("starts")

    def ask(self, content: bytes) -> bytes:
        """The job's answer.

        Raises:
            HandposeError: The job ended; its last words are told.
        """
        stream = _open(self._process.stdin)
        with suppress(OSError):  # if it is gone, the answer that does not come tells why
            stream.write(_LENGTH.pack(len(content)) + content)
            stream.flush()
        return self._receive("answers")

    def _receive(self, doing: str) -> bytes:
        stream = _open(self._process.stdout)
        header = stream.read(_LENGTH.size)
        length = _LENGTH.unpack(header)[0] if len(header) == _LENGTH.size else 0
        content = stream.read(length) if 0 < length < _LONGEST else b""
        if not content or len(content) < length:
            reason = self._last_words()
            self.close()
            raise self._failure(f"{doing} with an error: {reason}")
        return content

    def _last_words(self) -> str:
        """Why it ended, or ends now, as it says something else than the job would."""
        try:
            status = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(said) if line.strip()), f"exit status {status}")

    def _failure(self, found: str) -> HandposeError:
        return HandposeError(self._where, found, self._expected, self._fix)


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # a pipe
    return stream


def _end(process: Popen[bytes], errors: IO[bytes]) -> None:
    """Let the job end by itself: its input is over."""
    for stream in (process.stdin, process.stdout):
        with suppress(BrokenPipeError):  # it ended first
            _open(stream).close()
    process.wait()
    errors.close()
