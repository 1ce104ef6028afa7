"""A backbone's maps joined from coarse to fine (Lin et al. 2017, "Feature pyramid networks")."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.nn.backbones.efficientnet_lite import EfficientNetLite, Variant


class JoinedBackbone(nn.Module):
    """An EfficientNet-Lite whose maps are summed, after 1 x 1 convolutions, at the size of one of its stages.

    Args:
        backbone: Variant.
        frozen_blocks: See `EfficientNetLite`.
        features: Channels of the joined map.
        finest: Stage, from 0, at whose size maps are joined: stride 4, 8, 16 or 32.
    """

    def __init__(self, backbone: Variant, frozen_blocks: int, features: int, finest: int) -> None:
        super().__init__()
        self.backbone = EfficientNetLite(backbone, frozen_blocks)
        self.finest = finest
        self.lateral = nn.ModuleList(nn.Conv2d(width, features, 1) for width in self.backbone.widths[finest:])

    def join(self, image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features h w"]:
        """Compute the joined map.

        Args:
            image: RGB in [0, 1].

        Returns:
            Features at the finest stage's stride.
        """
        maps = self.backbone(image)[self.finest :]
        joined: Tensor = self.lateral[-1](maps[-1])
        for lateral, finer in zip(reversed(self.lateral[:-1]), reversed(maps[:-1]), strict=True):
            joined = F.interpolate(joined, size=finer.shape[-2:], mode="nearest") + lateral(finer)
        return joined
