import torch
from torch import nn

from handpose_core.nn.backbones import EfficientNetLite
from handpose_core.nn.fused import FusedBackbone, folded


def test_a_folded_copy_says_the_same_without_batch_norms_and_leaves_the_module_as_it_is():
    torch.manual_seed(0)
    backbone = FusedBackbone(8, (8, 16), (1, 2), 2)
    image = torch.rand(4, 3, 32, 32)
    for norm in (part for part in backbone.modules() if isinstance(part, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.5, 1.5)  # else blocks with a way around them are nothing
    for _ in range(5):  # running means that are not those of nothing
        backbone(image)
    backbone.eval()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    made = folded(backbone)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in made.modules())
    for said, expected in zip(made(image), backbone(image), strict=True):
        assert torch.allclose(said, expected, atol=1e-5)
    assert before.keys() == backbone.state_dict().keys()
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())


def test_blocks_with_a_way_around_them_begin_as_nothing_so_that_a_deeper_network_says_the_same():
    torch.manual_seed(0)
    shallow, deep = FusedBackbone(8, (8, 16), (1, 1), 2).eval(), FusedBackbone(8, (8, 16), (2, 3), 2).eval()
    assert not deep.load_state_dict(shallow.state_dict(), strict=False).unexpected_keys
    image = torch.rand(4, 3, 32, 32)
    for said, expected in zip(deep(image), shallow(image), strict=True):
        assert torch.allclose(said, expected, atol=1e-6)


def test_a_folded_efficientnet_says_the_same_without_batch_norms():
    torch.manual_seed(0)
    backbone = EfficientNetLite("lite0")
    image = torch.rand(2, 3, 64, 64)
    backbone.train()
    for _ in range(3):  # running means that are not those of nothing
        backbone(image)
    backbone.eval()
    made = folded(backbone)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in made.modules())
    with torch.no_grad():
        for said, expected in zip(made(image), backbone(image), strict=True):
            assert torch.allclose(said, expected, rtol=1e-3, atol=1e-3 * expected.abs().max().item())
