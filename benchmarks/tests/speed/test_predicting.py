"""Every stage from a photograph to a hand runs through once."""

import pytest

from handpose_benchmarks.speed import predicting


def test_every_stage_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def once(work, items):
        assert work() is not None
        return float(items)

    monkeypatch.setattr(predicting, "rate", once)
    figures = list(predicting.measure())
    assert len({figure.name for figure in figures}) == 8
    assert [figure.name for figure in figures if figure.target] == ["predict, all of a picture with a box, once read"]
