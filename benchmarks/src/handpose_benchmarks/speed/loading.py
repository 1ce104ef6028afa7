"""How many training samples a second the RHD datamodule gives: read, cropped, varied and batched."""

import tempfile
from pathlib import Path

from handpose_benchmarks.speed.figure import Figure
from handpose_benchmarks.speed.timing import rate
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.rhd import RHDDataModule
from handpose_core.synth.generate import Recipe, generate

_FRAMES = 128
_BATCH = 8
_WORKERS = 2


def measure() -> list[Figure]:
    """Samples/s of an epoch of synthetic frames in RHD's layout, with and without augmentation."""
    with tempfile.TemporaryDirectory() as folder:
        for _ in generate(Path(folder), "training", _FRAMES, Recipe(), _WORKERS):
            pass
        return [_figure(folder, "as labelled", None), _figure(folder, "augmented", Augmentation())]


def _figure(root: str, how: str, augmentation: Augmentation | None) -> Figure:
    data = RHDDataModule(root, batch_size=_BATCH, num_workers=_WORKERS, augmentation=augmentation)
    data.setup("fit")
    loader = data.train_dataloader()

    def epoch() -> None:
        for _ in loader:
            pass

    return Figure(
        name=f"RHD datamodule, {how}",
        value=rate(epoch, len(data.train_set), seconds=4.0),
        unit="samples/s",
        note=f"colour, depth and mask, crops of {data.image_size} px, batches of {_BATCH}, {_WORKERS} workers",
    )
