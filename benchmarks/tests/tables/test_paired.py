import pytest

from handpose_benchmarks.tables.paired import Spread, gain, paired_differences, paired_gains, spread

OLD = {0: 20.0, 1: 25.0, 2: 40.0, 3: 50.0}
NEW = {0: 18.0, 1: 20.0, 2: 38.0, 9: 1.0}


def test_differences_are_seed_by_seed_of_the_seeds_that_both_have() -> None:
    differences = paired_differences(NEW, OLD)
    assert differences == {0: -2.0, 1: -5.0, 2: -2.0}
    # mean -3, deviations 1, -2, 1: variance (1 + 4 + 1) / 2
    found = spread(list(differences.values()))
    assert found is not None
    assert found.deviation == pytest.approx(3**0.5)
    assert (found.mean, found.low, found.high, found.count) == (-3.0, -5.0, -2.0, 3)


def test_gains_are_of_the_old_error() -> None:
    assert gain(19.0, 21.5) == pytest.approx(11.63, abs=0.005)  # not 13.2, which is of the new error
    assert paired_gains(NEW, OLD) == pytest.approx({0: 10.0, 1: 20.0, 2: 5.0})


def test_one_seed_has_no_deviation_and_none_no_spread() -> None:
    assert spread([4.0]) == Spread(4.0, None, 4.0, 4.0, 1)
    assert spread([]) is None
