"""TAGAN's measurements run through, on little data."""

import pytest

from handpose_benchmarks.speed import matching, superposition
from handpose_core.nn.gan import DiscriminatorSize
from handpose_core.nn.unet import UNetSize
from handpose_tagan.networks import ConditionalSize
from handpose_tagan.objectives import TAGAN


def once(work, items, seconds=0.0):
    work()
    return float(items)


def test_matching_is_measured_by_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"rate": once, "POSES": 200, "QUERIES": 3}.items():
        monkeypatch.setattr(matching, name, value)
    building, *queries = matching.measure()
    assert building.unit == "poses/s"
    assert [figure.value for figure in queries] == [1, 1, 1, 3, 3]
    assert [figure.target is not None for figure in queries] == [True, True, True, False, False]


def test_superposition_is_measured_by_images_and_the_loss_by_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    small = ConditionalSize(
        generator=UNetSize(width=4, downs=5), discriminator=DiscriminatorSize(width=4, layers=2)
    )  # fmt: skip
    for name, value in {"rate": once, "HANDS": 2, "SIZE": 64, "STEPS": 1, "PAPER": TAGAN(size=small)}.items():
        monkeypatch.setattr(superposition, name, value)
    laid, rest = superposition.measure()
    assert laid.value == 2
    assert 0 < rest.value < 100
