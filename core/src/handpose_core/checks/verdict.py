"""What a check says."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How it stands, from best to worst."""

    SKIPPED = "not looked at"
    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Verdict:
    """What one check says of one part.

    Attributes:
        status: How it stands.
        seen: What was found, with its numbers; for `SKIPPED`, why there was nothing to look at.
        fix: What to do about it; empty where nothing needs doing.
        example: A label (a row of the part's `Labels`) that shows it.
    """

    status: Status
    seen: str
    fix: str = ""
    example: int | None = None


def ok(seen: str) -> Verdict:
    """Nothing to do."""
    return Verdict(Status.OK, seen)


def skipped(why: str) -> Verdict:
    """Nothing to look at."""
    return Verdict(Status.SKIPPED, why)


def warning(seen: str, fix: str, example: int | None = None) -> Verdict:
    """Usable, but to be known."""
    return Verdict(Status.WARNING, seen, fix, example)


def wrong(seen: str, fix: str, example: int | None = None) -> Verdict:
    """To be put right before it is used."""
    return Verdict(Status.WRONG, seen, fix, example)
