"""How many training samples a second the RHD datamodule gives, against the training step that it feeds."""

import tempfile
from pathlib import Path

import torch

from handpose_benchmarks.speed.figure import Figure
from handpose_benchmarks.speed.timing import rate
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.rhd import RHDDataModule
from handpose_core.synth.generate import Recipe, generate
from handpose_core.synth.twins import TWINS
from handpose_dggan.module import DGGANModule

FRAMES = 128
BATCH = 8
WORKERS = 2
STEP_BATCH = 2
"""Samples in the timed training step: few, so that it ends on a CPU too."""


def measure() -> list[Figure]:
    """Samples/s of the step of DGGAN's paper-size network, and of epochs of synthetic frames in RHD's layout.

    The step's rate is the target of the others: a slower datamodule would keep the network waiting.
    """
    with tempfile.TemporaryDirectory() as folder:
        for _ in generate(TWINS["rhd"](Recipe()), Path(folder), "training", FRAMES, WORKERS):
            pass
        step = _step(folder, DGGANModule())
        return [
            step,
            _loading(folder, "as labelled", None, step.value),
            _loading(folder, "augmented", Augmentation(), step.value),
        ]


def _step(root: str, module: DGGANModule) -> Figure:
    """The rate of forward pass, loss and backward pass."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = RHDDataModule(root, batch_size=STEP_BATCH)
    data.setup("fit")
    batch = {key: value.to(device) for key, value in next(iter(data.train_dataloader())).items()}
    module.to(device)

    def step() -> None:
        module.zero_grad()
        loss = module.losses(module(batch["image"]), batch)["loss"]
        loss.backward()
        loss.item()  # waits for the device

    return Figure(
        name="training step, DGGAN regression",
        value=rate(step, STEP_BATCH),
        unit="samples/s",
        note=f"{data.image_size} px, batch of {STEP_BATCH}, float32, {device.type}",
    )


def _loading(root: str, how: str, augmentation: Augmentation | None, target: float) -> Figure:
    """The rate of whole epochs."""
    data = RHDDataModule(root, batch_size=BATCH, num_workers=WORKERS, augmentation=augmentation)
    data.setup("fit")
    loader = data.train_dataloader()

    def epoch() -> None:
        for _ in loader:
            pass

    return Figure(
        name=f"RHD datamodule, {how}",
        value=rate(epoch, len(data.train_set), seconds=4.0),
        unit="samples/s",
        target=target,
        note=f"colour, depth and mask, crops of {data.image_size} px, batches of {BATCH}, {WORKERS} workers",
    )
