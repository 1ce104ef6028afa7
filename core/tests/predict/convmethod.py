"""A method as a plugin would bring it: heatmaps by a few convolutions, depths by a linear layer."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from handpose_core.datasets.sample import Sample
from handpose_core.nn.heatmaps import Argmax, Decoder, SoftArgmax
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate

torch.serialization.add_safe_globals([Argmax, SoftArgmax])


class Maps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Sequential(nn.Conv2d(3, 8, 5, 2, 2), nn.ReLU(), nn.Conv2d(8, 21, 5, 2, 2), nn.Sigmoid())
        self.depths = nn.Linear(21, 21)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.maps(image)
        return maps, self.depths(maps.mean((-2, -1)))


class ConvModule(HandPoseModule):
    """Untrained; not told of sides."""

    display_name: ClassVar[str] = "conv"

    def __init__(self, decoder: Decoder, scale_mm: float | None = None) -> None:
        super().__init__(torch.optim.Adam, None, scale_mm)
        self.decoder = decoder
        self.network = self.build_network()
        self.save_sizes()

    def build_network(self) -> nn.Module:
        return Maps()

    def forward(self, image: Tensor) -> Any:
        return self.network(image)

    def losses(self, output: Any, batch: Sample) -> dict[str, Tensor]:
        raise NotImplementedError

    def decode(self, output: Any, image_size: int) -> Estimate:
        joints, scores = self.decoder(output[0], image_size)
        return Estimate(joints, output[1], scores)


class ToldModule(ConvModule):
    """Must be told the side, by which it scales the depths."""

    def inputs(self, batch: Sample) -> tuple[Tensor, ...]:
        return batch["image"], batch["side"]

    def forward(self, image: Tensor, side: Tensor) -> Any:  # type: ignore[override]
        maps, depths = self.network(image)
        return maps, depths * (1 + side[:, None])
