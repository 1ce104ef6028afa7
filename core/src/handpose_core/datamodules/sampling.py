"""Which training sample comes when: by seed and epoch alone, and from the middle of an epoch on.

Everything random about a training sample follows from its `Draw`, which travels with its index: batches are the
same whatever the number of loader processes, and a run that is resumed sees what it would have seen.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, cast

from torch.utils.data import DataLoader, DistributedSampler

from handpose_core.datamodules.cropped import Draw
from handpose_core.datamodules.handover import PackedBatch
from handpose_core.datasets.sample import Sample


class TrainingSampler(DistributedSampler[Draw]):
    """All samples in an order drawn from seed and epoch, each with its `Draw`.

    A DistributedSampler for one process as for many, because Lightning leaves those in place and tells them
    the epoch.

    Attributes:
        skip: How many samples the next pass leaves out at its beginning, because they were seen.
    """

    skip = 0

    def __iter__(self) -> Iterator[Draw]:
        skip, self.skip = self.skip, 0
        epoch = self.epoch
        positions = cast(Iterator[int], super().__iter__())
        return (Draw(position, self.seed, epoch) for position in islice(positions, skip, None))


class CropLoader(DataLoader[Sample]):
    """A DataLoader over samples `InBytes`, collated by `Collate`; its batches are by the contract."""

    def __iter__(self) -> Iterator[Sample]:  # type: ignore[override]
        """Batches, with colours in [0, 1]."""
        for batch in super().__iter__():
            yield batch.unpack() if isinstance(batch, PackedBatch) else batch


class TrainingLoader(CropLoader):
    """A loader that knows how far it is: Lightning keeps its state in checkpoints and gives it back.

    Its sampler is a `TrainingSampler`. (Lightning's overfit_batches replaces the sampler: there is no state then.)
    """

    _given = 0

    def __iter__(self) -> Iterator[Sample]:  # type: ignore[override]
        """Batches; the ones that workers have ready but that were not taken do not count as given."""
        sampler = self.sampler
        self._given = sampler.skip if isinstance(sampler, TrainingSampler) else 0
        for batch in super().__iter__():
            self._given += self.batch_size or 1
            yield batch
        if isinstance(sampler, TrainingSampler):
            self._given = 0
            sampler.set_epoch(sampler.epoch + 1)

    def state_dict(self) -> dict[str, Any]:
        """Where the epoch stands: its seed and number, and the samples given of it in this process."""
        sampler = self.sampler
        if not isinstance(sampler, TrainingSampler):
            return {}
        return {"seed": sampler.seed, "epoch": sampler.epoch, "given": self._given}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken; after the last batch of an epoch that is the next one's beginning."""
        sampler = self.sampler
        if not isinstance(sampler, TrainingSampler) or not state:
            return
        sampler.seed = state["seed"]
        whole = state["given"] >= len(sampler)
        sampler.set_epoch(state["epoch"] + whole)
        sampler.skip = 0 if whole else state["given"]
