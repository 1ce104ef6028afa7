"""Two processes train every GAN as one does that sees the same batches whole, and end with the same weights."""

from functools import partial

import pytest
import torch
from core.tests.training.as_one import SEVERAL_UNUSED, assert_as_one, in_a_process, train_both, train_refused

from handpose_core.errors import HandposeError
from handpose_core.nn.gan import DiscriminatorSize, GeneratorSize
from handpose_core.nn.unet import UNetSize
from handpose_tagan.module import TAGANModule
from handpose_tagan.networks import ConditionalSize, CycleSize
from handpose_tagan.objectives import TAGAN, CycleGAN

SAMPLES = 8
JUDGE = DiscriminatorSize(width=4, layers=2)
NETWORK = UNetSize(width=4, downs=3, norm="instance", dropout=0.0)
OBJECTIVES = {
    "tagan": TAGAN(size=ConditionalSize(generator=NETWORK, discriminator=JUDGE)),
    # without a pool: what it gives back is drawn in each process
    "cyclegan": CycleGAN(
        sizes=CycleSize(generator=GeneratorSize(width=4, downs=1, blocks=1), discriminator=JUDGE, pool=0)
    ),
}


def build(name):
    return TAGANModule(OBJECTIVES[name], kernel=5, optimizer=lambda parameters: torch.optim.SGD(parameters, lr=1e-3))


def train_all(folder):
    """Each by two processes and by one."""
    images = torch.rand(2, SAMPLES, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    data = [{"image": image, "simulated": other} for image, other in zip(*images, strict=True)]
    for name in OBJECTIVES:
        train_both(partial(build, name), data, SEVERAL_UNUSED, folder, name, epochs=1)
    train_refused(partial(build, "tagan"), data, folder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder with the notes of every training."""
    folder = tmp_path_factory.mktemp("trained")
    in_a_process("tagan.tests.test_two_processes_tagan", folder)
    return folder


@pytest.mark.parametrize("name", OBJECTIVES)
def test_two_processes_train_as_one(name, trained):
    assert_as_one(trained, name, steps=2, moved=1e-3)


def test_a_strategy_that_would_wait_is_refused(trained):
    message = (trained / "refused.txt").read_text()
    assert HandposeError.__name__ in message
    assert "--trainer.strategy ddp_find_unused_parameters_true" in message
