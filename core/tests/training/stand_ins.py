"""Losses of mixtures, of which some samples lack labels and hold something in their place."""

import torch

from handpose_core.datasets.sample import HAS, Sample


def losses_of(module, forward=None):
    """Return a module's losses of a batch, of its own answers to it; ``forward`` gives these, from a batch."""

    def losses(batch):
        with torch.no_grad():
            return module.losses(forward(batch) if forward else module(*module.inputs(batch)), batch)

    return losses


def assert_stand_ins_do_not_count(losses, batch: Sample, keys, counted):
    """Losses are the same, and finite, whatever stands in for the labels that every other sample lacks.

    Args:
        losses: Of a batch, by name.
        batch: With all of the labels.
        keys: That every other sample lacks.
        counted: Names of losses that labels of these keys are in: what is lacking changes them.
    """
    whole = losses(batch)
    told = [_lacking(batch, keys, filler) for filler in (0, 1, 37)]
    first, *others = [losses(part) for part in told]
    assert all(torch.isfinite(value).all() for value in first.values()), first
    for other in others:
        for name, value in first.items():
            torch.testing.assert_close(other[name], value, msg=lambda text, name=name: f"{name}: {text}")
    assert counted <= {name for name, value in first.items() if not torch.isclose(value, whole[name], rtol=1e-5)}


def _lacking(batch, keys, filler):
    lead = torch.arange(len(batch["image"])) % 2 == 0
    made = dict(batch)
    for key in keys:
        value = batch[key]
        frames = batch["joints_2d"].shape[:-2]  # samples, groups of views, or clips
        has = lead.view(-1, *(1,) * (len(frames) - 1)).expand(frames)
        made[HAS + key] = has
        made[key] = torch.where(has.view(*frames, *(1,) * (value.dim() - len(frames))), value, value.new_tensor(filler))
    return made
