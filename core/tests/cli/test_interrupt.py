"""Ending a command by signals, also where it was started in the background."""

import os
import signal

import pytest

from handpose_core.cli.interrupt import Interruption


@pytest.fixture
def handlers():
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_and_the_second_interrupts_as_ever(number, handlers):
    stopped, interrupted = [], []
    signal.signal(number, lambda *_: interrupted.append(number))
    with Interruption(lambda: stopped.append(number)) as signals:
        os.kill(os.getpid(), number)
        assert (stopped, interrupted) == ([number], [])
        os.kill(os.getpid(), number)
    assert (stopped, interrupted) == ([number], [number])
    assert signals.status == 128 + number


def test_a_job_in_the_background_ignores_ctrl_c_and_is_stopped_by_sigterm(handlers):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stopped = []
    with Interruption(lambda: stopped.append(True)):
        os.kill(os.getpid(), signal.SIGINT)
        assert not stopped
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_the_tests_themselves_get_ctrl_c():
    """However they were started: the root conftest sets the handler that a shell in the background takes away."""
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
