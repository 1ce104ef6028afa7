"""Drawn hands as fixtures."""

import pytest
from tagan.tests.drawn import draw_real, draw_simulated

from handpose_tagan.superposition.hands import RealHand, SimulatedHand


@pytest.fixture
def simulated() -> SimulatedHand:
    return draw_simulated()


@pytest.fixture
def real() -> RealHand:
    return draw_real()
