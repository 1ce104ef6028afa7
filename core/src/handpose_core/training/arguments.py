"""Command lines compared: the options by name, configuration files by what stands in them."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

_IS_OPTION = re.compile(r"--?[A-Za-z]")
_FILES = ("--config", "-c")
_FREE = ("--data.num_workers", "--trainer.accelerator", "--trainer.enable_progress_bar", "--trainer.logger")
"""How a run is done, not what: free to change when it goes on, as on another machine."""


def is_option(argument: str) -> bool:
    """Whether an argument is an option rather than a value; a negative number is a value."""
    return _IS_OPTION.match(argument) is not None


def as_options(arguments: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The values of every option, ``--a=b`` and ``--a b`` alike; files of ``--config`` as `fingerprint`."""
    options: dict[str, tuple[str, ...]] = {}
    name = ""
    for argument in arguments:
        if is_option(argument):
            name, separator, value = argument.partition("=")
            values = [value] if separator else []
        else:
            values = [argument]
        options[name] = (*options.get(name, ()), *(_value(name, value) for value in values))
    return options


def fingerprint(path: Path) -> str:
    """A file's name and the beginning of its SHA-256, so that a moved file is the same and a changed one is not."""
    with path.open("rb") as file:
        return f"{path.name} (sha256 {hashlib.file_digest(file, 'sha256').hexdigest()[:16]})"


def differences(before: Mapping[str, Sequence[str]], now: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str]]:
    """Every option that differs, but those of no account to the result, with its values before and now."""
    names = sorted({*before, *now} - set(_FREE))
    values = [(name, _text(before.get(name)), _text(now.get(name))) for name in names]
    return [(name, then, here) for name, then, here in values if then != here]


def _value(option: str, value: str) -> str:
    return fingerprint(Path(value)) if option in _FILES and Path(value).is_file() else value


def _text(values: Sequence[str] | None) -> str:
    return "nothing" if values is None else " ".join(values) or "no value"
