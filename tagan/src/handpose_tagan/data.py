"""Two folders of images without pairs, for CycleGAN and for tests: real hands, and superposed or simulated ones."""

from pathlib import Path

import numpy as np

from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.cropped import CroppedDataset, Draw
from handpose_core.datamodules.folder import FolderDataModule
from handpose_core.datasets.folder import Folder
from handpose_core.datasets.sample import Sample
from handpose_core.datasets.world import joined, world_of

_STREAM = 2
"""Apart from what a sample's own variation is drawn with."""


class WithSimulated(CroppedDataset):
    """Real samples, each with ``simulated`` (3 H W, [0, 1]): another folder's image, drawn at random.

    Which one follows from the sample's `Draw`.

    Args:
        samples: the real ones.
        simulated: the others.
    """

    def __init__(self, samples: CroppedDataset, simulated: CroppedDataset) -> None:
        super().__init__(samples.source, samples.indices, samples.image_size, samples.crop_scale)
        self.RULE = samples.RULE
        self._samples, self._simulated = samples, simulated

    def in_bytes(self, turn: int | Draw) -> Sample:
        """One sample and the image it happens to meet."""
        draw = turn if isinstance(turn, Draw) else Draw(turn)
        rng = np.random.default_rng((draw.seed, draw.epoch, draw.position % len(self), _STREAM))
        other = Draw(int(rng.integers(len(self._simulated))), draw.seed, draw.epoch)
        return {**self._samples.in_bytes(draw), "simulated": self._simulated[other]["image"]}


class TwoFoldersDataModule(FolderDataModule):
    """Real images, and in training and testing with each of them one of the other folder.

    Images are cut as generators are run: 1.5 times around hands whose joints ``labels.npz`` says, else the largest
    square inside the picture.

    Args:
        root: the folder of real images, or a video.
        simulated: the folder of superposed or simulated hands.
        batch_size: samples in a batch, in each process.
        num_workers: loader processes; 0 loads in the training process.
        image_size: side of the square images, px.
        val_fraction: part of the real images that is held out for validation: the last one.
        augmentation: how to vary both; None leaves them as they are.
    """

    def __init__(
        self,
        root: str,
        simulated: str,
        batch_size: int = 1,
        num_workers: int = 0,
        image_size: int = 256,
        val_fraction: float = 0.05,
        augmentation: Augmentation | None = None,
    ) -> None:
        super().__init__(
            root, batch_size=batch_size, num_workers=num_workers, image_size=image_size,
            val_fraction=val_fraction, augmentation=augmentation,
        )  # fmt: skip
        self.simulated = Path(simulated)

    def setup(self, stage: str) -> None:
        """See `HandDataModule.setup`."""
        name = "train" if stage in ("fit", "validate") else "test"
        new = name not in self._sets
        super().setup(stage)
        if new:
            pictures = Folder(self.simulated)
            augmentation = self.augmentation if name == "train" else None
            others = self._cropped(pictures, range(len(pictures)), augmentation, inside=True)
            self._sets[name] = WithSimulated(self._sets[name], others)

    def world(self) -> str:
        """See `HandDataModule.world`: those of both folders."""
        return joined([super().world(), world_of(self.simulated)])

    def describe(self) -> dict[str, str]:
        """The choices that results depend on, of the stage set up last."""
        return {**super().describe(), "simulated": f"folder {self.simulated.name}"}
