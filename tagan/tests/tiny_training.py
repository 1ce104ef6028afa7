"""Trainings of a few steps on a few images of 32 px, for tests of what they leave."""

import random
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from handpose_core.datasets.sample import collate
from handpose_core.nn.gan import DiscriminatorSize, GeneratorSize
from handpose_core.nn.unet import UNetSize
from handpose_tagan.module import TAGANModule
from handpose_tagan.networks import ConditionalSize, CycleSize
from handpose_tagan.objectives import TAGAN, CycleGAN, Objective, Pix2pix

SIDE = 32
_JUDGE = DiscriminatorSize(width=4, layers=2)
_PAIRED = ConditionalSize(generator=UNetSize(width=4, downs=3, norm="batch", dropout=0.5), discriminator=_JUDGE)
OBJECTIVES: dict[str, Objective] = {
    "TAGAN": TAGAN(size=_PAIRED),
    "Pix2pix": Pix2pix(size=_PAIRED),
    "CycleGAN": CycleGAN(
        sizes=CycleSize(generator=GeneratorSize(width=4, downs=1, blocks=1), discriminator=_JUDGE, pool=2)
    ),
}


def module_of(name: str) -> TAGANModule:
    """A module whose weights and pools are the same every time."""
    torch.manual_seed(0)
    random.seed(0)
    return TAGANModule(OBJECTIVES[name], kernel=5, optimizer=lambda parameters: torch.optim.SGD(parameters, lr=1e-2))


def train(module: TAGANModule, epochs: int, ckpt_path: Path | None = None) -> pl.Trainer:
    """Train on four images in fixed order, to the end of an epoch."""
    images = torch.rand(2, 4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    samples = [{"image": image, "simulated": other} for image, other in zip(*images, strict=True)]
    trainer = pl.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[], use_distributed_sampler=False,
    )  # fmt: skip
    trainer.fit(module, DataLoader(samples, 1, collate_fn=collate), ckpt_path=ckpt_path)
    return trainer
