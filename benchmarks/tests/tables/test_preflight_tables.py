"""Every table of the thesis against the recipes that its stages are, with the recipes' own sizes; nothing is made."""

from dataclasses import replace
from pathlib import Path

import pytest

from handpose_benchmarks.tables import command
from handpose_benchmarks.tables.options import FAST_SIZE
from handpose_benchmarks.tables.thesis import find_table, known_tables
from handpose_core.errors import HandposeError

TABLES = [number for number in known_tables() if find_table(number).runs_of is None]


class NoDataMadeError(Exception):
    """The check before data are made has let a table through."""


def check(number: str, recipe: str, monkeypatch: pytest.MonkeyPatch, work: Path) -> None:
    """Run a table's command, all rows, up to where its data are made; with the paper's sizes on one dataset."""

    def stop(*arguments: object) -> None:
        raise NoDataMadeError

    monkeypatch.setattr(command, "_make_data", stop)
    table = command.find_table(number)
    rows, only = tuple(range(1, len(table.rows) + 1)), table.datasets if recipe == "demo" else table.datasets[-1:]
    wish = command.Wish(number, command.TWINS, recipe, only, rows, (0,), 1, work, work, FAST_SIZE, ())
    with pytest.raises(NoDataMadeError):
        command.run_table(wish, print)


@pytest.mark.filterwarnings("ignore")  # jsonargparse's own, of a whole parse
@pytest.mark.parametrize("recipe", ["demo", "paper"])
@pytest.mark.parametrize("number", TABLES)
def test_every_stage_of_every_table_can_be_built_and_fed(
    number: str, recipe: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    check(number, recipe, monkeypatch, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore")
def test_crops_smaller_than_a_stage_asks_for_are_refused_before_data_are_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = find_table("3.1")
    small = replace(table, values={**table.values, "demo": {**table.values["demo"], "image_size": "96"}})
    monkeypatch.setattr(command, "find_table", lambda number: small)
    with pytest.raises(HandposeError, match=r"--data.image_size: found 128 px; expected 96 px at most") as refused:
        check("3.1", "demo", monkeypatch, tmp_path)
    assert "rhd/seed0/" in str(refused.value)
    assert not list(tmp_path.iterdir())
