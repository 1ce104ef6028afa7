"""The pose network: 2D pose machine and depth head (thesis, section 3.4.3)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.camera import wrist_at_zero
from handpose_core.hand import N_JOINTS
from handpose_core.nn.cpm import PAPER_CPM, ConvolutionalPoseMachine, ConvStage, CPMSize


@dataclass(frozen=True, kw_only=True)
class DepthHeadSize:
    """The widths of a `DepthHead`; the defaults are the paper's.

    Args:
        sees_features: the stage sees the trunk's features beside the maps, as in the author's code;
            the thesis's text has the maps alone.
        width: hidden channels of the stage.
        convolutions: its k x k convolutions.
        kernel: their k, odd.
        maps: channels the stage hands to the fully connected layers.
        grid: side of the map that is flattened; a map of another size is average-pooled to it. 32 is
            the size a 256 px image gives at the paper's stride of 8.
        hidden: width of the two hidden fully connected layers.
    """

    sees_features: bool = True
    width: int = 128
    convolutions: int = 5
    kernel: int = 7
    maps: int = N_JOINTS + 1
    grid: int = 32
    hidden: int = 512


PAPER_DEPTH_HEAD = DepthHeadSize()


class DepthHead(nn.Module):
    """Heatmaps (and features) to the 21 relative depths: a mini-CPM of one stage, then three linear layers.

    No activation stands between the linear layers: so the author's code, and the thesis names none.

    Args:
        cpm: the size of the pose machine whose maps come in.
        size: widths; the paper's by default.
    """

    def __init__(self, cpm: CPMSize, size: DepthHeadSize = PAPER_DEPTH_HEAD) -> None:
        super().__init__()
        self.size = size
        inputs = cpm.maps + (cpm.features if size.sees_features else 0)
        self.stage = ConvStage(inputs, size.maps, size.width, size.convolutions, size.kernel, cpm.norm)
        self.regress = nn.Sequential(
            nn.Linear(size.maps * size.grid**2, size.hidden),
            nn.Linear(size.hidden, size.hidden),
            nn.Linear(size.hidden, N_JOINTS),
        )

    def forward(
        self, heatmaps: Float[Tensor, "batch maps h w"], features: Float[Tensor, "batch features h w"]
    ) -> Float[Tensor, "batch 21"]:
        """Depth of each joint relative to the wrist, whose own is 0, in lengths of the reference bone."""
        seen = torch.cat([heatmaps, features], dim=1) if self.size.sees_features else heatmaps
        grid = F.adaptive_avg_pool2d(self.stage(seen), self.size.grid)
        return wrist_at_zero(self.regress(grid.flatten(1)))


class PoseRegressor(nn.Module):
    """RGB image to heatmaps of every stage and relative depths: Table 3.1's "Regression" network.

    Args:
        cpm: size of the 2D pose machine; the paper's by default.
        depth_head: size of the depth head; the paper's by default.
    """

    def __init__(self, cpm: CPMSize = PAPER_CPM, depth_head: DepthHeadSize = PAPER_DEPTH_HEAD) -> None:
        super().__init__()
        self.pose_machine = ConvolutionalPoseMachine(cpm)
        self.depth_head = DepthHead(self.pose_machine.size, depth_head)

    def forward(
        self, image: Float[Tensor, "batch 3 height width"]
    ) -> tuple[list[Float[Tensor, "batch maps h w"]], Float[Tensor, "batch 21"]]:
        """Heatmaps of each stage (21 joints, then background), first to last, and relative depths.

        Args:
            image: RGB in [0, 1], sides divisible by the pose machine's stride.
        """
        stages, features = self.pose_machine(image)
        return stages, self.depth_head(stages[-1], features)
