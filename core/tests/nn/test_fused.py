import torch
from torch import nn

from handpose_core.nn.fused import FusedBackbone, folded


def test_a_folded_copy_says_the_same_without_batch_norms_and_leaves_the_module_as_it_is():
    torch.manual_seed(0)
    backbone = FusedBackbone(8, (8, 16), (1, 2), 2)
    image = torch.rand(4, 3, 32, 32)
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
