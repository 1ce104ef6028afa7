"""How loader workers hand batches over: in shared memory that is used again and again.

Torch allots shared memory anew for every tensor of every batch. For crops of 256 px with depth and mask that takes
longer than making them, on a machine where new pages are dear several times as long.
"""

import itertools
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch
from numpy import ndarray
from pytorch_lightning.utilities import rank_zero_only
from torch import multiprocessing
from torch.utils.data import get_worker_info

from handpose_core.datamodules.cropped import with_floats
from handpose_core.datasets.sample import Sample, check_alike

_SHARED_MEMORY = Path("/dev/shm")
_SPARE = 2**23
"""Bytes of shared memory that are left to other uses, such as torch's own."""
_ALIGNMENT = 64
"""Bytes; where an array may begin."""

Layout = tuple[tuple[str, str, tuple[int, ...]], ...]
"""Name, dtype and shape of the arrays that lie one after the other in a slot."""


class Slots:
    """Shared memory for some batches.

    Made where the loader is made; its workers write to it, and the loader's process reads.

    Args:
        count: Batches that are on their way at one time.
        size: Bytes of the largest batch; a larger one goes another way.
    """

    _numbers = itertools.count()

    def __init__(self, count: int, size: int) -> None:
        self.size = size
        self.number = next(self._numbers)
        self._memory = torch.empty((count, size), dtype=torch.uint8).share_memory_()
        self._free = multiprocessing.get_context().SimpleQueue()
        for slot in range(count):
            self._free.put(slot)
        _SLOTS[self.number] = self

    @classmethod
    def where_room(cls, count: int, size: int) -> "Slots | None":
        """Make slots, or say that the shared memory is too small; batches then come through pipes.

        Args:
            count: see the class.
            size: see the class.

        Returns:
            The slots, None without room for them.
        """
        free = shutil.disk_usage(_SHARED_MEMORY).free if _SHARED_MEMORY.is_dir() else math.inf
        if count * size + _SPARE <= free:
            return cls(count, size)
        rank_zero_only(print)(
            f"note: {_SHARED_MEMORY} has {free / 1e6:.0f} MB of room, the loader workers' batches take "
            f"{count * size / 1e6:.0f} MB; they are handed over through pipes, which is slower. Give more "
            "(docker run --shm-size 1g), or use a smaller --data.batch_size or --data.num_workers."
        )
        return None

    def take(self) -> int:
        """A free slot; waits for one."""
        slot: int = self._free.get()
        return slot

    def give_back(self, slot: int) -> None:
        """Let the next batch have the slot."""
        self._free.put(slot)

    def arrays(self, slot: int, layout: Layout) -> dict[str, ndarray]:
        """The slot's memory as arrays."""
        memory, begin, arrays = self._memory[slot].numpy(), 0, {}
        for name, dtype, shape in layout:
            end = begin + _bytes(dtype, shape)
            arrays[name] = memory[begin:end].view(dtype).reshape(shape)
            begin = _aligned(end)
        return arrays


_SLOTS: WeakValueDictionary[int, Slots] = WeakValueDictionary()


class PackedBatch:
    """A batch whose colours have 8 bits, on its way to the process that trains.

    Args:
        arrays: The collated samples.
        slots: The shared memory in which they lie, if any; the slot is given back as soon as they are unpacked.
        slot: Which slot.
        layout: How they lie in it.
    """

    def __init__(
        self, arrays: dict[str, ndarray], slots: Slots | None = None, slot: int = -1, layout: Layout = ()
    ) -> None:
        self._arrays, self._slots, self._slot, self._layout = arrays, slots, slot, layout

    def unpack(self) -> Sample:
        """The batch by the contract, colours in [0, 1]; once."""
        arrays = {key: array.copy() if self._slots and key != "image" else array for key, array in self._arrays.items()}
        batch = with_floats({key: torch.from_numpy(array) for key, array in arrays.items()})
        self._release()
        return batch

    def pin_memory(self) -> Sample:
        """What torch's loaders call for a batch that goes to a GPU."""
        return {key: value.pin_memory() for key, value in self.unpack().items()}

    def __reduce__(self) -> tuple[Any, ...]:
        """Hand over where the batch lies, not the batch."""
        if self._slots is None:
            return PackedBatch, (self._arrays,)
        handed, self._slots = self._slots, None  # the receiver gives the slot back
        return _received, (handed.number, self._slot, self._layout)

    def __del__(self) -> None:
        """A batch that nobody wanted is given back, too."""
        self._release()

    def _release(self) -> None:
        if self._slots:
            self._slots.give_back(self._slot)
            self._slots, self._arrays = None, {}


def _received(number: int, slot: int, layout: Layout) -> PackedBatch:
    slots = _SLOTS[number]
    return PackedBatch(slots.arrays(slot, layout), slots, slot, layout)


class Collate:
    """Collates samples whose colours have 8 bits into a `PackedBatch`; raises what `collate` raises.

    Args:
        slots: For batches made in workers; None pickles them.
    """

    def __init__(self, slots: Slots | None = None) -> None:
        self._slots = slots

    def __call__(self, samples: Sequence[Sample]) -> PackedBatch:
        """Stack samples."""
        check_alike(samples)
        rows = {key: [sample[key].numpy() for sample in samples] for key in samples[0]}
        layout = tuple((key, of[0].dtype.str, (len(of), *of[0].shape)) for key, of in rows.items())
        if self._slots is None or get_worker_info() is None or size_of(layout) > self._slots.size:
            return PackedBatch({key: np.stack(of) for key, of in rows.items()})
        slot = self._slots.take()
        arrays = self._slots.arrays(slot, layout)
        for key, of in rows.items():
            np.stack(of, out=arrays[key])
        return PackedBatch(arrays, self._slots, slot, layout)


def batch_layout(sample: Sample, batch_size: int) -> Layout:
    """How a batch of samples like this one lies in a slot."""
    return tuple((key, value.numpy().dtype.str, (batch_size, *value.shape)) for key, value in sample.items())


def size_of(layout: Layout) -> int:
    """Bytes that a batch takes."""
    return sum(_aligned(_bytes(dtype, shape)) for _, dtype, shape in layout)


def _bytes(dtype: str, shape: tuple[int, ...]) -> int:
    return np.dtype(dtype).itemsize * math.prod(shape)


def _aligned(position: int) -> int:
    return -(-position // _ALIGNMENT) * _ALIGNMENT
