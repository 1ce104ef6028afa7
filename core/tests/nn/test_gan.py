import math
import random

import pytest
import torch

from handpose_core.errors import HandposeError
from handpose_core.nn.gan import (
    DiscriminatorSize,
    GeneratorSize,
    ImagePool,
    PatchDiscriminator,
    ResNetGenerator,
    adversarial_loss,
)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_generators_default_is_resnet_9():
    with torch.device("meta"):
        network = ResNetGenerator(3, 1)
        assert network(torch.empty(1, 3, 256, 256)).shape == (1, 1, 256, 256)
    # 7x7 in, two halvings, nine blocks of two 3x3 at 256 channels, two doublings, 7x7 out; all with biases
    down = (3 * 49 + 1) * 64 + (64 * 9 + 1) * 128 + (128 * 9 + 1) * 256
    up = (256 * 9) * 128 + 128 + (128 * 9) * 64 + 64
    assert count(network) == down + 18 * (256 * 9 + 1) * 256 + up + 64 * 49 + 1


def test_a_discriminators_logit_sees_a_patch_of_70_px():
    network = PatchDiscriminator(1, DiscriminatorSize(width=4)).double()
    image = torch.zeros(1, 1, 256, 256, dtype=torch.double, requires_grad=True)
    logits = network(image)
    assert logits.shape == (1, 1, 30, 30)
    # instance norm sees the whole image: without it, what is left is the patch
    for i, layer in enumerate(network.layers):
        if isinstance(layer, torch.nn.InstanceNorm2d):
            network.layers[i] = torch.nn.Identity()
    network(image)[0, 0, 15, 15].backward()
    rows = image.grad[0, 0].abs().sum(1).nonzero()[:, 0]
    assert rows.max() - rows.min() + 1 == 70


def test_sides_that_do_not_halve_are_refused():
    with pytest.raises(HandposeError, match="sides divisible by 4"):
        ResNetGenerator(3, 1, GeneratorSize(width=4, blocks=1))(torch.zeros(1, 3, 62, 64))


def test_weights_begin_as_pix2pix_says():
    network = ResNetGenerator(3, 1, GeneratorSize(width=32, blocks=2))
    weights = torch.cat([p.flatten() for p in network.parameters() if p.ndim == 4])
    assert weights.std().item() == pytest.approx(0.02, rel=0.01)
    assert all(not p.any() for p in network.parameters() if p.ndim == 1)


def test_adversarial_loss_by_hand():
    logits = torch.tensor([0.0, math.log(3)])  # probabilities 1/2 and 3/4
    assert adversarial_loss(logits, real=True).item() == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)
    assert adversarial_loss(logits, real=False).item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_the_pool_fills_then_exchanges_half():
    random.seed(0)
    pool = ImagePool(4)
    first = torch.arange(4.0).reshape(4, 1, 1, 1).requires_grad_()
    given = pool(first)
    assert torch.equal(given, first)
    assert not given.requires_grad
    later = torch.arange(100, 1100.0).reshape(-1, 1, 1, 1)
    old = pool(later).flatten() != later.flatten()
    assert 0.4 < old.float().mean() < 0.6
    assert set(pool(torch.zeros(50, 1, 1, 1)).flatten().tolist()) - {0.0} <= set(later.flatten().tolist())
    assert torch.equal(ImagePool(0)(later), later)


def test_a_pool_goes_on_where_another_was():
    first, second = ImagePool(3), ImagePool(3)
    images = torch.arange(200.0).reshape(20, 10, 1, 1, 1)
    for batch in images[:10]:
        first(batch)
    second.keep(first.kept())
    for batch in images[10:]:
        assert torch.equal(first(batch), second(batch))
    assert not second.state_dict()
