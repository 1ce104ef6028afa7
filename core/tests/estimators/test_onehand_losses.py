import math

import pytest
import torch

from handpose_core.estimators.onehand.losses import orientation_loss
from handpose_core.estimators.onehand.occlusion_augmentation import OcclusionAugmentation, mix_spectrum
from handpose_core.rig import load_rig
from handpose_core.rig.skinning import rotation_about

HAND = torch.as_tensor(load_rig("anny").joints).float()[None]
ALL = torch.ones(1, 21, dtype=torch.bool)


@pytest.mark.parametrize("degrees", [0, 14, 90])
def test_the_orientation_loss_is_two_thirds_of_one_minus_the_cosine_about_an_axis_of_the_palm(degrees):
    # of the palm's three axes the one turned about stays, two turn by the angle
    turned = HAND @ rotation_about(1, torch.tensor(math.radians(degrees))).T
    expected = (1 - math.cos(math.radians(degrees))) * 2 / 3
    assert orientation_loss(turned, HAND, ALL).item() == pytest.approx(expected, abs=1e-5)


def test_the_orientation_loss_ignores_size_place_and_fingers():
    other = 2.5 * HAND + 30
    other[:, [8, 12, 16, 20]] += 20
    assert orientation_loss(other, HAND, ALL).item() == pytest.approx(0, abs=1e-6)


def test_palms_with_a_missing_joint_do_not_count():
    missing = ALL.clone()
    missing[0, 17] = False  # little MCP
    unknown = HAND.clone()
    unknown[0, 17] = torch.nan
    turned = (HAND @ rotation_about(2, torch.tensor(1.0)).T).requires_grad_()
    loss = orientation_loss(turned, unknown, missing)
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(turned.grad).all()


def test_mixed_spectra_keep_edges_and_take_colours():
    torch.manual_seed(0)
    image = torch.full((8, 3, 32, 32), 0.3)
    image[..., 16:] = 0.5
    other = torch.full((8, 3, 32, 32), 0.9)
    mixed = mix_spectrum(image, other)
    assert ((mixed >= 0) & (mixed <= 1)).all()
    assert (mixed.mean((1, 2, 3)) > image.mean((1, 2, 3))).all()  # lighter, as the other pictures are
    step = mixed[..., 18:30].mean((1, 2, 3)) - mixed[..., 2:14].mean((1, 2, 3))
    assert (step > 0).all()  # the edge is where it was
    assert torch.allclose(mix_spectrum(image, image), image, atol=1e-4)


def test_spectra_are_mixed_as_often_as_asked():
    torch.manual_seed(0)
    image = torch.rand(400, 3, 8, 8)
    mixed = OcclusionAugmentation(0, 0, 0.25, 0, spectrum=0.25).apply(image, None)
    changed = (mixed != image).flatten(1).any(1).float().mean()
    assert changed.item() == pytest.approx(0.25, abs=0.07)
