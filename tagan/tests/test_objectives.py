"""What each objective's networks see, which losses there are, and who learns from which."""

import pytest
import torch

from handpose_core.errors import HandposeError
from handpose_core.nn.gan import DiscriminatorSize, GeneratorSize
from handpose_core.nn.unet import UNetSize
from handpose_tagan.conditions.maps import ConditionMaps
from handpose_tagan.losses import shape_loss, tonality_loss
from handpose_tagan.networks import ConditionalSize, CycleSize, FromColourMap
from handpose_tagan.objectives import TAGAN, CycleGAN, Pix2pix

JUDGE = DiscriminatorSize(width=4, layers=2)
SMALL = ConditionalSize(generator=UNetSize(width=4, downs=4, norm="instance", dropout=0.0), discriminator=JUDGE)
CYCLE = CycleSize(generator=GeneratorSize(width=4, downs=1, blocks=1), discriminator=JUDGE, pool=2)
SHARPENING = TAGAN(size=SMALL, making=FromColourMap())
ALL = (TAGAN(size=SMALL), Pix2pix(size=SMALL), CycleGAN(sizes=CYCLE), SHARPENING)


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    image, simulated = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return {"image": image, "simulated": simulated}


def maps() -> ConditionMaps:
    return ConditionMaps(kernel=5)


@pytest.mark.parametrize(("objective", "told"), [(ALL[0], 4), (ALL[1], 1)])
def test_generator_and_discriminator_see_the_condition(objective, told):
    networks = objective.build()
    assert networks.generators["real"].network.encoder[0].in_channels == told
    assert networks.discriminators["real"].network.layers[0].in_channels == told + 3


def test_tagans_losses_are_the_thesis_equations(batch):
    objective = TAGAN(size=SMALL, lambda_colour=3.0, lambda_shape=50.0, bins=16)
    networks = objective.build()
    step = objective.step(networks, batch, maps())
    condition, real, made = step.judged["real"]
    assert torch.equal(real, batch["image"])
    assert torch.equal(condition[:, :1], maps()(real).shape)
    assert torch.equal(condition[:, 1:], maps()(real).colour)
    # -log D(made) for the generator; half of -log D(real) - log(1 - D(made)) for the discriminator (2.6)
    logits = networks.discriminators["real"](condition, made)
    torch.testing.assert_close(step.values["loss_gan"], -logits.sigmoid().log().mean())
    total = step.values["loss_gan"] + 3 * tonality_loss(made, real, 16) + 50 * shape_loss(made, real)  # (2.7), (2.8)
    torch.testing.assert_close(step.values["loss"], total)
    true = networks.discriminators["real"](condition, real).sigmoid().log().mean()
    false = (1 - logits.sigmoid()).log().mean()
    torch.testing.assert_close(objective.judge(networks, step)["loss_d"], -(true + false) / 2)


def test_cyclegan_goes_there_and_back(batch):
    objective = CycleGAN(sizes=CYCLE, lambda_cycle=4.0)
    networks = objective.build()
    step = objective.step(networks, batch, maps())
    to_real, to_simulated = networks.generators["real"], networks.generators["simulated"]
    made = to_real(batch["simulated"])
    torch.testing.assert_close(step.judged["real"][1], made)
    cycle = 2 * (
        (to_simulated(made) - batch["simulated"]).abs().mean()
        + (to_real(to_simulated(batch["image"])) - batch["image"]).abs().mean()
    )
    torch.testing.assert_close(step.values["loss_cycle"], cycle)
    torch.testing.assert_close(step.values["loss"], step.values["loss_gan"] + 4 * cycle)
    judged = objective.judge(networks, step)
    torch.testing.assert_close(judged["loss_d"], judged["loss_d_real"] + judged["loss_d_simulated"])


@pytest.mark.parametrize("objective", ALL)
def test_the_judges_loss_reaches_no_generator_and_all_judges(objective, batch):
    networks = objective.build()
    objective.judge(networks, objective.step(networks, batch, maps()))["loss_d"].backward()
    assert all(parameter.grad is None for parameter in networks.generators.parameters())
    assert all(parameter.grad is not None for parameter in networks.discriminators.parameters())


@pytest.mark.parametrize("objective", ALL)
def test_every_generator_learns(objective, batch):
    networks = objective.build()
    objective.step(networks, batch, maps()).values["loss"].backward()
    assert all(parameter.grad is not None for parameter in networks.generators.parameters())


@pytest.mark.parametrize("objective", ALL)
def test_images_come_out_as_images(objective, batch):
    made = objective.generate(objective.build(), batch["image"], maps())
    assert made.shape == batch["image"].shape
    assert made.min() >= 0
    assert made.max() <= 1


def test_a_sharpening_generator_starts_from_the_colour_map_and_leaves_it(batch):
    objective, networks = SHARPENING, SHARPENING.build()
    blurred = maps()(batch["image"]).colour
    assert torch.equal(objective.generate(networks, batch["image"], maps()), blurred)
    optimizer = torch.optim.Adam(networks.generators.parameters(), lr=1e-3)
    for _ in range(20):
        optimizer.zero_grad()
        objective.step(networks, batch, maps()).values["loss_shape"].backward()
        optimizer.step()
    made = objective.generate(networks, batch["image"], maps())
    assert shape_loss(made, batch["image"]) < 0.95 * shape_loss(blurred, batch["image"])


def test_cyclegan_without_the_other_domain_says_so(batch):
    objective = CycleGAN(sizes=CYCLE)
    with pytest.raises(HandposeError, match="superposed images as well"):
        objective.step(objective.build(), {"image": batch["image"]}, maps())
