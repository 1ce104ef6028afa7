"""Rehearsal: labelled generated hands beside every batch of clips, so that what they taught is not unlearnt.

Of (4.6) only agreement reaches the pose head, and one answer for all hands agrees best. With hands beside the clips
whose depths are known that answer pays less; the package's README has what was measured.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from lightning_fabric.utilities import move_data_to_device
from pytorch_lightning import Trainer

from handpose_core.datamodules.base import HandDataModule
from handpose_core.datasets.sample import Sample
from handpose_core.training.experiment.needs import check_sample
from handpose_tassn.objectives import MeshPretraining

PRETRAINING = MeshPretraining()


@dataclass(frozen=True)
class Rehearsal:
    """Which hands are rehearsed, and by which losses.

    Args:
        data: generated hands with meshes, of another world than those adapted to; a batch of them comes with each batch
            of clips.
        objective: what is learnt from them.
        weight: of its loss.
    """

    data: HandDataModule
    objective: MeshPretraining = PRETRAINING
    weight: float = 1.0

    def check(self, vertices: int) -> None:
        """Refuse data that lack what the objective reads.

        Args:
            vertices: Number of vertices of the network's mesh.

        Raises:
            HandposeError: A key is missing or has another number of vertices, or the data cannot be read.
        """
        self.data.setup("fit")
        found = self.data.first_sample("train")
        if found is not None:
            name, sample = found
            check_sample(sample, self.objective.needs(vertices), f"rehearsed samples, {name}")

    def batches(self, trainer: Trainer, device: torch.device) -> Iterator[Sample]:
        """Batches without end, epoch after epoch, shared by the trainer's processes.

        Args:
            trainer: of the training that they accompany.
            device: that they are moved to.
        """
        self.data.trainer = trainer
        self.data.setup("fit")
        return self._endless(device)

    def _endless(self, device: torch.device) -> Iterator[Sample]:
        loader = self.data.train_dataloader()
        while True:
            for batch in loader:
                moved = move_data_to_device(self.data.on_before_batch_transfer(batch, 0), device)
                yield self.data.on_after_batch_transfer(moved, 0)

    def describe(self) -> dict[str, str]:
        """What the weights have seen by it, once `batches` has begun; its keys are not those of a training's data."""
        described = {"labels": self.objective.labels, "weight": f"{self.weight:g}", **self.data.describe()}
        return {f"rehearsed {key}": value for key, value in described.items()}
