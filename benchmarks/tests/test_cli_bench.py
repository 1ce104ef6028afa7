import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from handpose_benchmarks import cli
from handpose_benchmarks.speed import metrics, rendering
from handpose_benchmarks.speed.figure import Figure, Skipped
from handpose_core.errors import HandposeError


def test_unknown_measurement_is_named() -> None:
    with pytest.raises(HandposeError, match=r"'colour'.*metrics, loading, waiting, checking, rendering"):
        cli.main(["speed", "--only", "metrics,colour"])


def test_report_holds_machine_figures_and_what_was_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(metrics, "measure", lambda: [Figure("EPE", 2.5e6, "joints/s", target=1e6)])
    monkeypatch.setattr(rendering, "measure", lambda blender_python: [Skipped("Cycles", f"no bpy in {blender_python}")])
    path = tmp_path / "results" / "speed.json"

    status = cli.main(
        ["speed", "--only", "metrics,rendering", "--json", str(path), "--blender-python", "python-of-blender"]
    )

    assert status == 0
    report = json.loads(path.read_text())
    assert report["figures"] == [
        {"name": "EPE", "value": 2.5e6, "unit": "joints/s", "target": 1e6, "note": "", "met": True}
    ]
    assert report["skipped"] == [{"name": "Cycles", "reason": "no bpy in python-of-blender"}]
    assert int(report["machine"]["cores"]) >= 1
    assert list(path.parent.iterdir()) == [path]
    printed = capsys.readouterr().out
    assert "2,500,000" in printed
    assert "no bpy in python-of-blender" in printed


def test_a_figure_is_printed_and_written_as_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Measurements take minutes: before the second begins, the first can be read."""
    seen, path = [], tmp_path / "[red] speed.json"

    def measured() -> Iterator[Figure | Skipped]:
        yield Figure("EPE [bold]", 2.5e6, "joints/s", target=1e6, note="on [/] cores")
        seen.append((capsys.readouterr().out, json.loads(path.read_text())["figures"]))
        yield Skipped("peer", "no [module]")
        seen.append((capsys.readouterr().out, json.loads(path.read_text())["skipped"]))

    monkeypatch.setattr(metrics, "measure", measured)
    assert cli.main(["speed", "--only", "metrics", "--json", str(path)]) == 0
    (first, figures), (second, skipped) = seen
    words = first.splitlines()[-1].split()
    assert words == ["EPE", "[bold]", "2,500,000", "joints/s", "1,000,000", "yes", "on", "[/]", "cores"]
    assert len(figures) == 1
    assert "not measured: no [module]" in second
    assert len(skipped) == 1
    assert f"written: {path}" in capsys.readouterr().out
