"""Batches come out of loader workers as they went in, and the memory they travel in never runs out."""

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from handpose_core.datamodules.handover import Collate, PackedBatch, Slots, batch_layout, size_of
from handpose_core.datamodules.sampling import CropLoader
from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError


class Counted(Dataset[Sample]):
    """Sample i has pictures full of i."""

    def __init__(self, length: int, size: int = 32) -> None:
        self.length, self.size = length, size

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        return {
            "image": torch.full((3, self.size, self.size), index, dtype=torch.uint8),
            "depth": torch.full((1, self.size, self.size), float(index)),
            "mask": torch.full((1, self.size, self.size), index % 2 == 1),
            "index": torch.tensor(index),
        }


def _loader(samples: Dataset[Sample], slots: Slots | None) -> CropLoader:
    return CropLoader(samples, 4, num_workers=2, collate_fn=Collate(slots), persistent_workers=True)


def _slots(samples: Counted, batch_size: int = 4) -> Slots:
    return Slots(6, size_of(batch_layout(samples[0], batch_size)))


def _check(batches: list[Sample], length: int) -> None:
    assert torch.cat([batch["index"] for batch in batches]).tolist() == list(range(length))
    for batch in batches:
        numbers = batch["index"].float()[:, None, None, None]
        torch.testing.assert_close(batch["image"], (numbers / 255).expand_as(batch["image"]))
        torch.testing.assert_close(batch["depth"], numbers.expand_as(batch["depth"]))
        assert torch.equal(batch["mask"], (numbers % 2 == 1).expand_as(batch["mask"]))


def test_batches_kept_through_epochs_are_what_the_workers_made() -> None:
    """All batches of three epochs are kept: none may lie in memory that a later one was written to."""
    samples = Counted(50)  # the last batch is smaller
    loader = _loader(samples, _slots(samples))
    for batches in [list(loader) for _ in range(3)]:
        _check(batches, 50)


def test_epochs_left_in_the_middle_do_not_use_up_the_slots() -> None:
    samples = Counted(80)
    loader = _loader(samples, _slots(samples))
    for _ in range(12):
        assert next(iter(loader))["index"].tolist() == [0, 1, 2, 3]
    _check(list(loader), 80)


def test_batches_too_large_for_a_slot_come_all_the_same() -> None:
    samples = Counted(20)
    _check(list(_loader(samples, _slots(samples, batch_size=1))), 20)


def test_a_slot_is_handed_over_and_given_back_once() -> None:
    slots = Slots(1, 4096)
    taken = slots.take()
    layout = (("image", "|u1", (1, 3, 2, 2)), ("depth", "<f4", (1, 1, 2, 2)))
    arrays = slots.arrays(taken, layout)
    arrays["image"][:], arrays["depth"][:] = 255, 7.5
    sent = PackedBatch(arrays, slots, taken, layout)
    received = pickle.loads(pickle.dumps(sent))
    del sent
    assert slots._free.empty()  # handed over: still in use
    batch = received.unpack()
    assert slots.take() == taken
    slots.arrays(taken, layout)["depth"][:] = 0
    del received
    assert slots._free.empty()  # not given back a second time
    assert batch["image"].unique().item() == 1
    assert batch["depth"].unique().item() == 7.5


def test_slots_hold_arrays_of_any_kind_side_by_side() -> None:
    slots = Slots(2, 4096)
    layout = (("a", "|b1", (5,)), ("b", "<f8", (3, 2)), ("c", "<i8", ()))
    arrays = slots.arrays(1, layout)
    arrays["a"][:], arrays["b"][:], arrays["c"][...] = True, np.arange(6).reshape(3, 2), -1
    again = slots.arrays(1, layout)
    assert again["a"].all()
    assert again["b"].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert again["c"] == -1
    assert size_of(layout) == 64 + 64 + 64


def test_a_mix_is_refused_by_name() -> None:
    samples = Counted(2)
    with pytest.raises(HandposeError, match="only some samples have depth"):
        Collate()([samples[0], {key: value for key, value in samples[1].items() if key != "depth"}])


def test_without_workers_nothing_is_shared() -> None:
    samples = Counted(8)
    _check(list(CropLoader(samples, 4, collate_fn=Collate())), 8)
