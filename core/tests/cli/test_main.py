import pkgutil
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from handpose_core.cli import registry
from handpose_core.cli.main import main

HEAVY = ("torch", "pytorch_lightning", "numpy", "cv2", "matplotlib", "wandb", "jsonargparse")


def _install(monkeypatch: pytest.MonkeyPatch, **groups: dict[str, str]) -> None:
    """Stand in for what is installed: ``methods={"name": "module:object"}``."""

    def entry_points(group: str) -> list[EntryPoint]:
        found = groups.get(group.removeprefix("handpose."), {})
        return [EntryPoint(name, value, group) for name, value in found.items()]

    monkeypatch.setattr(registry, "entry_points", entry_points)


def test_help_lists_what_is_installed_with_summaries(monkeypatch, capsys):
    _install(monkeypatch, methods={}, commands={"score": "handpose_core.cli.commands:SCORE"})
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "score  score any tool's 3D joints against the truth" in out
    assert "none installed" in out


def test_help_imports_nothing_heavy():
    code = f"""
import sys
from handpose_core.cli.main import main
status = main(["--help"])
heavy = [name for name in {HEAVY!r} if name in sys.modules]
sys.exit(f"imported {{heavy}}" if heavy else status)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "usage: handpose" in done.stdout


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("handpose 0.")


def test_without_arguments_shows_help_and_fails(capsys):
    assert main([]) == 2
    assert "usage: handpose" in capsys.readouterr().out


def test_unknown_command_suggests_the_closest(capsys):
    assert main(["scroe"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert "Did you mean 'handpose score'?" in err


def test_command_gets_the_arguments_after_its_name(monkeypatch):
    _install(monkeypatch, commands={"count": "plugin:COMMAND"})
    command = registry.Command("counts arguments", "builtins:len")
    monkeypatch.setitem(sys.modules, "plugin", type("plugin", (), {"COMMAND": command}))
    assert main(["count", "a", "b", "c"]) == 3


def test_a_method_may_bring_further_commands(monkeypatch, capsys):
    _install(monkeypatch, methods={"lost": "plugin:METHOD"})
    commands = {"count": registry.Command("counts arguments", "builtins:len")}
    method = registry.Method("is lost", "no_such_package:Lost", commands)
    monkeypatch.setitem(sys.modules, "plugin", type("plugin", (), {"METHOD": method}))
    assert main(["lost", "count", "a", "b"]) == 2
    assert main(["--help"]) == 0
    assert "- handpose lost count: counts arguments" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("no_such_package.cli:METHOD", "No module named 'no_such_package'"),
        ("handpose_core.hand:NO_SUCH_NAME", "NO_SUCH_NAME"),
        ("handpose_core.hand:WRIST", "found a int"),
    ],
)
def test_broken_plugin_fails_by_name(monkeypatch, capsys, value, found):
    _install(monkeypatch, methods={"broken": value})
    assert main(["--help"]) == 2
    err = capsys.readouterr().err
    assert "plugin 'broken'" in err
    assert value.split(".")[0] in err
    assert found in err


def test_method_whose_module_is_missing_is_named(monkeypatch, capsys):
    monkeypatch.setattr(registry, "methods", lambda: {"lost": registry.Method("is lost", "handpose_core.lost:Lost")})
    assert main(["lost", "fit"]) == 2
    assert "handpose_core.lost:Lost" in capsys.readouterr().err


class _BackportsPoint:
    """An entry point as importlib_metadata gives it, which replaces the standard library's once it is imported."""

    name, value, group = "ours", "handpose_core.cli.commands:SCORE", "handpose.commands"

    def load(self):
        return pkgutil.resolve_name(self.value)


def test_entry_points_of_another_class_are_loaded_too(monkeypatch):
    monkeypatch.setattr(registry, "entry_points", lambda group: [_BackportsPoint()])
    assert registry.commands()["ours"].summary


def test_help_states_the_exit_statuses(capsys):
    assert main(["--help"]) == 0
    assert "2 an error to put right" in capsys.readouterr().out
