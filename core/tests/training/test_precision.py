"""Half precision only where the machine has it."""

import pytest
import torch

from handpose_core.training import precision
from handpose_core.training.precision import affordable, cpu_has_bfloat16


@pytest.fixture(params=[True, False], ids=["with bfloat16", "without"])
def has_bfloat16(request, monkeypatch):
    monkeypatch.setattr(precision, "cpu_has_bfloat16", lambda: request.param)
    monkeypatch.setattr(precision, "_has_accelerator", lambda: False)
    return request.param


def test_a_processor_without_it_trains_in_single_precision(has_bfloat16):
    assert affordable("bf16-mixed", "auto") == ("bf16-mixed" if has_bfloat16 else "32-true")
    assert affordable("bf16-true", "cpu") == ("bf16-true" if has_bfloat16 else "32-true")


@pytest.mark.parametrize("wanted", ["32-true", "16-mixed", 64, None])
def test_other_precisions_stay(has_bfloat16, wanted):
    assert affordable(wanted, "cpu") == wanted


def test_other_devices_keep_theirs(monkeypatch):
    monkeypatch.setattr(precision, "cpu_has_bfloat16", lambda: False)
    assert affordable("bf16-mixed", "gpu") == "bf16-mixed"
    monkeypatch.setattr(precision, "_has_accelerator", lambda: True)
    assert affordable("bf16-mixed", "auto") == "bf16-mixed"


def test_what_is_said_of_this_processor_agrees_with_torch():
    if torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2"):
        assert not cpu_has_bfloat16()
    else:
        assert isinstance(cpu_has_bfloat16(), bool)


@pytest.mark.filterwarnings("ignore")
def test_the_command_line_says_so(has_bfloat16, tiny, capfd):
    quick = ["--trainer.max_epochs", "1", "--trainer.limit_train_batches", "1", "--trainer.accelerator", "cpu"]
    assert tiny("fit", "--data", "TinyHands", *quick, "--trainer.precision", "bf16-mixed") == 0
    assert ("as this processor has to emulate bf16-mixed" in capfd.readouterr().out) is not has_bfloat16
