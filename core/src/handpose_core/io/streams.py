"""Text on streams of any encoding: no character ends a command, and tables stay readable without UTF-8."""

import codecs
import io
import sys
import unicodedata

#: Name of the error handler that `make_streams_tolerant` sets.
READABLE = "handpose-readable"
_SIGNS = {
    "→": "->", "←": "<-", "↔": "<->", "–": "-", "—": "-", "−": "-", "·": "|", "×": "x", "…": "...", "≤": "<=",
    "≥": ">=", "±": "+-", "²": "^2", "³": "^3", "°": " deg", "µ": "u", "‘": "'", "’": "'", "“": '"', "”": '"',
    "≈": "~", "\xa0": " ", "↑": "^", "↓": "v", "½": "1/2", "‖": "||", "√": "sqrt", "λ": "lambda", "⟨": "<", "⟩": ">",
}  # fmt: skip


def make_streams_tolerant() -> None:
    """Let standard output and error replace characters that their encoding lacks.

    Streams whose error handler the user chose (``PYTHONIOENCODING=ascii:replace``) keep it.
    """
    codecs.register_error(READABLE, _replace)
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):
            continue
        of_c_locale = stream.errors == "surrogateescape" and not stream.encoding.lower().startswith("utf")
        if of_c_locale or stream.errors in ("strict", "backslashreplace"):
            stream.reconfigure(errors=READABLE)


def is_utf() -> bool:
    """Whether standard output takes every character; where there is none, what is written goes into files."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return encoding.lower().startswith("utf")


def as_printable(text: str) -> str:
    """Return the text as it can be printed: unchanged where standard output is UTF, in ASCII elsewhere.

    Args:
        text: any text, such as a table with box drawing characters.

    Returns:
        The text; in ASCII signs are spelt out (``->``, ``sigma``), boxes drawn with ``+-|``, other characters escaped.
    """
    if is_utf():
        return text
    codecs.register_error(READABLE, _replace)
    return text.encode("ascii", READABLE).decode("ascii")


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Spell out the characters that cannot be encoded, as an error handler of `codecs`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_spelt, error.object[error.start : error.end])), error.end


def _spelt(character: str) -> str:
    """Return an ASCII replacement of one character."""
    if character in _SIGNS:
        return _SIGNS[character]
    name = unicodedata.name(character, "")
    if name.startswith("BOX DRAWINGS"):
        return _box(name)
    if name.startswith("GREEK"):
        return name.rpartition(" ")[2].lower()
    if "\udc80" <= character <= "\udcff":  # a byte of a file name that is no text
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("ascii", "backslashreplace").decode("ascii")


def _box(name: str) -> str:
    """Return ``-``, ``|`` or ``+`` for a box drawing character."""
    horizontal = any(word in name for word in ("HORIZONTAL", "LEFT", "RIGHT"))
    vertical = any(word in name for word in ("VERTICAL", "UP", "DOWN"))
    return "+" if horizontal and vertical else "-" if horizontal else "|"
