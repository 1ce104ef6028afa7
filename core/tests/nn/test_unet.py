"""The U-Net generator against the layers that pix2pix's paper lists."""

import pytest
import torch

from handpose_core.errors import HandposeError
from handpose_core.nn.gan import least_squares_loss
from handpose_core.nn.unet import UNetGenerator, UNetSize

SMALL = UNetSize(width=4, downs=5)


def test_the_papers_network_has_the_papers_layers():
    net = UNetGenerator(3, 3)
    # C64-C128-C256-C512-C512-C512-C512-C512, and back: CD512-CD1024-CD1024-C1024-C1024-C512-C256-C128 (Isola, 6.1.1)
    convolutions = [m for m in net.encoder.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [m.out_channels for m in convolutions] == [64, 128, 256, 512, 512, 512, 512, 512]
    ups = [m for m in [*net.decoder.modules(), *net.last.modules()] if isinstance(m, torch.nn.ConvTranspose2d)]
    assert [m.in_channels for m in ups] == [512, 1024, 1024, 1024, 1024, 512, 256, 128]
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(54.4e6, rel=0.005)  # the authors print 54.414 M


def test_sides_stay_and_values_are_those_of_an_image():
    image = torch.randn(2, 4, 64, 96)
    made = UNetGenerator(4, 3, SMALL)(image)
    assert made.shape == (2, 3, 64, 96)
    assert made.abs().max() <= 1


def test_dropout_is_the_noise_also_when_generating():
    net = UNetGenerator(1, 3, SMALL).eval()
    edges = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        assert not torch.equal(net(edges), net(edges))
        quiet = UNetGenerator(1, 3, UNetSize(width=4, downs=5, dropout=0.0)).eval()
        assert torch.equal(quiet(edges), quiet(edges))


@pytest.mark.parametrize(
    ("size", "side", "widths"),
    [
        (UNetSize(width=4, downs=8), 256, [4, 8, 16]),  # U-Net-256's
        (UNetSize(width=4, downs=5, dropped=1), 96, [12]),
        (UNetSize(width=4, downs=5, dropped=0), 96, []),
    ],
)
def test_noise_stays_in_coarse_maps(size, side, widths, monkeypatch):
    seen = []
    plain = torch.nn.functional.dropout

    def dropout(maps, share):
        seen.append(maps.shape[-1])
        return plain(maps, share)

    monkeypatch.setattr(torch.nn.functional, "dropout", dropout)
    UNetGenerator(1, 3, size)(torch.rand(1, 1, side, side))
    assert seen == widths


def test_every_parameter_learns():
    net = UNetGenerator(4, 3, UNetSize(width=4, downs=5, dropout=0.0))
    net(torch.randn(2, 4, 32, 32)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters() if p.ndim > 1)


def test_a_side_that_cannot_be_halved_is_refused():
    with pytest.raises(HandposeError, match="sides divisible by 32"):
        UNetGenerator(1, 3, SMALL)(torch.zeros(1, 1, 48, 64))


def test_least_squares_loss_by_hand():
    assert least_squares_loss(torch.tensor([0.0, 2.0]), real=True) == 1
    assert least_squares_loss(torch.tensor([0.0, 2.0]), real=False) == 2


def test_resized_maps_leave_no_checkerboard():
    """Of even maps, pixels away from the border are like their neighbours; by transposed convolutions they are not."""
    torch.manual_seed(0)
    spreads = {}
    for upsampling in ("transposed", "resized"):
        net = UNetGenerator(3, 3, UNetSize(width=4, downs=3, norm="instance", dropout=0.0, upsampling=upsampling))
        with torch.no_grad():
            made = net.last(torch.ones(1, 8, 32, 32))[..., 8:-8, 8:-8]
        spreads[upsampling] = made.std((-2, -1)).mean()
    assert spreads["resized"] < 1e-6
    assert spreads["transposed"] > 1e-3
