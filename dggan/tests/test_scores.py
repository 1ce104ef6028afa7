import pytest
import torch

from handpose_dggan.scores import BestConstantError


def test_the_best_constant_is_the_median_of_all_batches():
    torch.manual_seed(0)
    values, metric = torch.rand(3001) ** 3, BestConstantError()
    for part in values.split(700):
        metric.update(part)
    assert metric.compute().item() == pytest.approx((values - values.median()).abs().mean().item(), abs=1e-3)


@pytest.mark.parametrize(("values", "error"), [([1.0, 1.0], 0.0), ([0.0, 0.0, 1.0], 1 / 3), ([0.0, 1.0], 0.5)])
def test_its_error_by_hand(values, error):
    metric = BestConstantError()
    metric.update(torch.tensor(values))
    assert metric.compute().item() == pytest.approx(error, abs=1e-3)
