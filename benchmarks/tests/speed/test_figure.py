import pytest

from handpose_benchmarks.speed.figure import Figure


@pytest.mark.parametrize(("value", "target", "met"), [(40.0, 40.0, True), (39.9, 40.0, False), (1.0, None, None)])
def test_met_compares_value_with_target(value: float, target: float | None, met: bool | None) -> None:
    assert Figure("renderer", value, "images/s", target).met is met
