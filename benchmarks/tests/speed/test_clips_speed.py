"""The training of TASSN's clips as a measurement: the parts of a step, on one clip in STB's layout."""

import pytest

from handpose_benchmarks.speed import clips


@pytest.mark.filterwarnings("ignore:.*Sparse CSR:UserWarning")
def test_a_step_and_its_parts_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "CLIPS", 2)
    works = []

    def rate(work: object, items: int) -> float:
        """Frames cut: 4 a second. Then clips: 0.5, 10 and 5 a second."""
        works.append(work())  # type: ignore[operator]
        return [4.0, 0.5, 10.0, 5.0][len(works) - 1]

    monkeypatch.setattr(clips, "rate", rate)
    training, flow, rendering, masks = clips.measure()
    assert training.value == 0.5
    assert flow.value == pytest.approx(100 * 0.5 / 10)
    assert rendering.value == pytest.approx(100 * 0.5 / 5)
    assert masks.value == pytest.approx(100 * 2 / (2 + 4))  # eight masks in two seconds, two clips in four
    assert "4.0 frames/s" in masks.note
    assert all(figure.target is None for figure in (training, flow, rendering, masks))
