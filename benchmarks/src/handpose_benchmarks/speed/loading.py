"""How many training samples a second datamodules give, against the training step that they feed."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from handpose_benchmarks.speed.figure import Figure
from handpose_benchmarks.speed.timing import rate
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.base import HandDataModule
from handpose_core.datamodules.prepared import PreparedDataModule
from handpose_core.datamodules.rhd import RHDDataModule
from handpose_core.prepare.manifest import PartName, Recipe
from handpose_core.prepare.run import prepare
from handpose_core.synth.generate import Recipe as SynthRecipe
from handpose_core.synth.generate import generate
from handpose_core.synth.twins import TWINS
from handpose_core.training.threads import leave_cores_to_loaders
from handpose_dggan.module import DGGANModule

FRAMES = 128
BATCH = 8
WORKERS = 2
STEP_BATCH = 2
"""Samples in the timed training step: few, so that it ends on a CPU too."""
PARTS: tuple[PartName, ...] = ("train", "val")
PREPARED_RATE = 1200.0
"""Samples/s asked of prepared data on two cores."""
PREPARED_GAIN = 4.0
"""What preparing shall bring, over the original PNGs."""


def measure() -> Iterator[Figure]:
    """Samples/s of the step of DGGAN's paper-size network, and of epochs of synthetic frames in RHD's layout.

    The step's rate is the target of the original's: a slower datamodule would keep the network waiting. Rates are of
    wall-clock time: on a machine that has other things to do they are too low, by the load it is reported with.
    """
    leave_cores_to_loaders(WORKERS)  # as every training does
    with tempfile.TemporaryDirectory() as folder:
        for _ in generate(TWINS["rhd"](SynthRecipe()), Path(folder), "training", FRAMES, WORKERS):
            pass
        yield (step := _step(folder, DGGANModule()))
        yield _loading(RHDDataModule(folder, BATCH, WORKERS), "RHD datamodule, as labelled", step.value)
        yield (original := _loading(_augmented(RHDDataModule, folder), "RHD datamodule, augmented", step.value))
        yield (prepared := _prepared(folder))
        yield Figure(
            name="prepared against original, augmented",
            value=prepared.value / original.value,
            unit="times",
            target=PREPARED_GAIN,
            note="PNGs of 320 px against JPEGs of the hand",
        )


def _prepared(root: str) -> Figure:
    with tempfile.TemporaryDirectory() as out:
        original = RHDDataModule(root)
        recipe = Recipe(type(original).__name__, {"root": root}, original.image_size, original.crop_scale, 1.9, 95)
        for part in PARTS:
            for _ in prepare(original, Path(out), part, recipe, WORKERS):
                pass
        data = _augmented(PreparedDataModule, out)
        return _loading(data, "prepared datamodule, augmented", PREPARED_RATE)


def _augmented(kind: type[RHDDataModule] | type[PreparedDataModule], root: str) -> HandDataModule:
    return kind(root, batch_size=BATCH, num_workers=WORKERS, augmentation=Augmentation())


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


def _loading(data: HandDataModule, name: str, target: float) -> Figure:
    """The rate of whole epochs."""
    data.setup("fit")
    loader = data.train_dataloader()

    def epoch() -> None:
        for _ in loader:
            pass

    return Figure(
        name=name,
        value=rate(epoch, len(data.train_set), seconds=4.0),
        unit="samples/s",
        target=target,
        note=f"colour, depth and mask, crops of {data.image_size} px, batches of {BATCH}, {WORKERS} workers",
    )
