"""Which training samples are held out for validation: always the same ones."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Int
from numpy import ndarray

from handpose_core.errors import HandposeError

_SPLIT_SEED = 0


def split_indices(count: int, fraction: float) -> tuple[list[int], list[int]]:
    """Positions kept for training and held out for validation, the same for the same ``count`` and ``fraction``.

    Raises:
        HandposeError: one of the two would be empty.
    """
    held_out = max(1, round(count * fraction))
    if not 0 < fraction < 1 or held_out >= count:
        raise _nothing_left(fraction, count)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(_SPLIT_SEED)).tolist()
    return sorted(order[held_out:]), sorted(order[:held_out])


def _nothing_left(fraction: float, count: int) -> HandposeError:
    return HandposeError(
        "data, val_fraction",
        f"{fraction} of {count} samples",
        "a fraction between 0 and 1 that leaves samples on both sides",
        "Change val_fraction, or give more training samples.",
    )


def split_groups(groups: Sequence[Hashable], fraction: float) -> tuple[list[int], list[int]]:
    """`split_indices` of groups: samples of one group, such as pictures of one pose, stay on the same side.

    Args:
        groups: The group of every sample.
        fraction: Of the groups to hold out.

    Raises:
        HandposeError: one of the two sides would be empty.
    """
    members: dict[Hashable, list[int]] = {}
    for position, group in enumerate(groups):
        members.setdefault(group, []).append(position)
    of_group = list(members.values())
    kept, held_out = (
        sorted(position for i in side for position in of_group[i]) for side in split_indices(len(of_group), fraction)
    )
    return kept, held_out


def split_sequences(
    sequences: Int[ndarray, "samples"], names: Mapping[int, str], held_out: Sequence[str]
) -> tuple[list[int], list[int]]:
    """Return the positions of the samples outside and inside some sequences of a training split.

    Args:
        sequences: The sequence number of every sample.
        names: The names of the training split's sequences, by number.
        held_out: Names of the sequences to hold out.

    Returns:
        Tuple ``(kept, held_out)`` of positions.

    Raises:
        HandposeError: A name is none of the training split's, or one of the two sides is empty.
    """
    present = [names[number] for number in np.unique(sequences).tolist()]
    held = {number for number, name in names.items() if name in held_out}
    kept_positions = [i for i, number in enumerate(sequences) if number not in held]
    held_positions = [i for i, number in enumerate(sequences) if number in held]
    if not kept_positions or not held_positions or not set(held_out) <= set(names.values()):
        raise HandposeError(
            "data, val_sequences",
            f"{', '.join(held_out) or 'none'}, which leaves {len(kept_positions)} for training "
            f"and {len(held_positions)} for validation",
            f"some, not all, of the training sequences that are there: {', '.join(present)}",
            "Name other sequences.",
        )
    return kept_positions, held_positions


def split_tail(rows: Int[ndarray, "samples pictures"], fraction: float) -> tuple[list[int], list[int]]:
    """Positions of the samples before and in the last ``fraction`` of the pictures; those across are in neither.

    Args:
        rows: The pictures that each sample consists of, by position.
        fraction: Of the pictures to hold out.

    Raises:
        HandposeError: one of the two sides would be empty.
    """
    count = int(rows.max()) + 1
    cut = count - max(1, round(count * fraction))
    kept, held_out = (np.flatnonzero(side).tolist() for side in ((rows < cut).all(1), (rows >= cut).all(1)))
    if not 0 < fraction < 1 or not kept or not held_out:
        raise _nothing_left(fraction, len(rows))
    return kept, held_out
