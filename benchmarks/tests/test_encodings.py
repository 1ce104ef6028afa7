"""Text files of all packages are UTF-8 wherever the suite runs."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("*/src/**/*.py"), *ROOT.glob(".ci/*.py"), ROOT / "noxfile.py"])
#: Position of the encoding among the arguments.
PLACES = {"read_text": 0, "write_text": 1}
#: Objects whose ``open`` opens no text file.
NOT_TEXT = ("Image", "tarfile", "layout", "os", "zipfile", "archive")


def opened_without_encoding(tree: ast.AST) -> list[int]:
    """Lines of calls that read or write text in the machine's own encoding."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if _is_text(call) and not _has_encoding(call)]


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_text(call: ast.Call) -> bool:
    name, words = _name(call), {word.arg: word.value for word in call.keywords}
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if name in PLACES:
        return not (isinstance(owner, ast.Name) and owner.id == "atomic")  # UTF-8 always
    if name in ("run", "Popen", "check_output"):
        return "text" in words or "universal_newlines" in words
    if name != "open" or (
        isinstance(owner, ast.Name) and owner.id in ("Image", "tarfile", "layout", "os", "zipfile", "archive")
    ):
        return False
    mode = words.get("mode", next(iter(call.args[0 if owner is not None else 1 :]), None))
    return not (isinstance(mode, ast.Constant) and "b" in str(mode.value))


def _has_encoding(call: ast.Call) -> bool:
    place = PLACES.get(_name(call))
    return any(word.arg == "encoding" for word in call.keywords) or (place is not None and len(call.args) > place)


def test_text_files_name_their_encoding():
    found = {path: opened_without_encoding(ast.parse(path.read_text("utf-8"))) for path in SOURCES}
    assert len(found) > 400
    assert {str(path.relative_to(ROOT)): lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        "path.read_text()", "path.open()", "open('a')", "path.open('a')", "open('a', 'w')", "path.write_text('x')",
        "subprocess.run(command, text=True)", "path.read_text(errors='replace')", "open('a', mode='w')",
    ],
)  # fmt: skip
def test_the_search_finds(line):
    assert opened_without_encoding(ast.parse(line)) == [1]


@pytest.mark.parametrize(
    "line",
    ["path.read_text('utf-8')", "path.open('rb')", "open('a', 'wb')", "path.write_text('x', encoding='utf-8')"],
)
def test_the_search_leaves(line):
    assert opened_without_encoding(ast.parse(line)) == []
