"""How fast TAGAN's input is made, superposed pictures with condition maps, and what its tonality loss costs a step."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from handpose_benchmarks.speed.figure import Figure
from handpose_benchmarks.speed.timing import rate
from handpose_tagan.conditions.maps import ConditionMaps
from handpose_tagan.losses import tonality_loss
from handpose_tagan.objectives import PAPER, Objective
from handpose_tagan.simulation.bulk import simulate
from handpose_tagan.superposition.compose import Superposition
from handpose_tagan.superposition.hands import RealHand, SimulatedHand
from handpose_tagan.superposition.matching import PoseIndex

HANDS = 16
SIZE = 256
STEPS = 3
_TARGET = 60.0
_LARGEST_SHARE = 0.05
"""Of a training step's time, that the tonality loss may take."""

Pair = tuple[RealHand, SimulatedHand, Float[ndarray, "3 3"]]


def measure() -> Iterator[Figure]:
    """Images/s of superposition with condition maps, and the share of a step that is not the tonality loss."""
    yield _superposition()
    yield _tonality(PAPER)


def _superposition() -> Figure:
    pairs, lay, maps = _pairs(), Superposition(size=SIZE), ConditionMaps()
    cores = os.cpu_count() or 1

    def work() -> None:
        with ThreadPoolExecutor(cores) as pool:  # OpenCV lets go of the interpreter
            made = list(pool.map(lambda pair: lay(*pair).image, pairs))
        images = torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2).float() / 255
        maps(images)

    return Figure(
        name="superposition and condition maps",
        value=rate(work, len(pairs)),
        unit="images/s",
        target=_TARGET,
        note=f"{SIZE} px, hand removed, matched pose laid over it; Sobel and average maps; CPU, {cores} cores",
    )


def _pairs() -> list[Pair]:
    """Simulated hands, each over a picture of noise in the place of the next one."""
    hands = simulate(0, range(HANDS))
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    pairs: list[Pair] = []
    for hand, other in zip(hands, [*hands[1:], hands[0]], strict=True):
        joints = other.joints_2d + np.array([160.0, 80.0])
        found = PoseIndex(torch.from_numpy(hand.joints_2d).float()[None]).match(torch.from_numpy(joints).float()[None])
        pairs.append((RealHand(noise, joints, np.ones(len(joints), bool)), hand, found.maps[0, 0].double().numpy()))
    return pairs


def _tonality(objective: Objective) -> Figure:
    """Forward and backward pass of the loss, and of a whole step of generator and discriminator."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    networks, maps = objective.build(), ConditionMaps()
    for part in networks:
        part.to(device)
    image = torch.rand(1, 3, SIZE, SIZE, device=device)
    made = torch.rand(1, 3, SIZE, SIZE, device=device, requires_grad=True)

    def step() -> Tensor:
        taken = objective.step(networks, {"image": image}, maps)
        taken.values["loss"].backward()
        judged = objective.judge(networks, taken)["loss_d"]
        judged.backward()
        return judged

    def loss() -> Tensor:
        value = tonality_loss(made, image)
        value.backward()
        return value

    share = _seconds(loss) / _seconds(step)
    return Figure(
        name="training step of TAGAN besides the tonality loss",
        value=100 * (1 - share),
        unit="%",
        target=100 * (1 - _LARGEST_SHARE),
        note=f"paper-size networks, {SIZE} px, one image, {device.type}; the loss takes {share:.1%}",
    )


def _seconds(work: Callable[[], Tensor]) -> float:
    """The median time of a few runs after a first one."""
    durations = []
    for _ in range(STEPS + 1):
        started = time.perf_counter()
        work().item()  # waits for the device
        durations.append(time.perf_counter() - started)
    return median(durations[1:])
