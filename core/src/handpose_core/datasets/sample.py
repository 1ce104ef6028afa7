"""The contract between data and methods: a sample is a flat dict of tensors; absent keys are absent.

=============  ==================  =========================================
key            shape               unit
=============  ==================  =========================================
``image``      3 H W float32       [0, 1] RGB
``joints_2d``  21 2 float32        px of this image, (0, 0) = centre of the top-left pixel
``joints_3d``  21 3 float32        mm, camera frame
``annotated``  21 bool             the joint has a label
``visible``    21 bool             the joint can be seen
``K``          3 3 float32         px
``depth``      1 H W float32       mm, 0 = no hand or no value
``mask``       1 H W bool          the hand
``vertices``   N 3 float32         mm, camera frame
``side``       int64 scalar        `handpose_core.hand.Side`
``index``      int64 scalar        position in the dataset
``box``        4 float32           px, left, top, right, bottom, of an un-cropped image: the crop uses it up
``sequence``   int64 scalar        which video; ``frame``, ``view`` likewise
=============  ==================  =========================================

View groups put a view axis in front and add ``R`` (3 3) and ``t`` (3), world to camera; clips a time axis.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from handpose_core.errors import HandposeError

Sample = dict[str, Tensor]
"""One sample, or a collated batch of them; keys and shapes as in this module's table."""


def collate(samples: Sequence[Sample]) -> Sample:
    """Stack samples along a new first axis; raises what `check_alike` raises."""
    check_alike(samples)
    return {key: torch.stack([sample[key] for sample in samples]) for key in samples[0]}


def check_alike(samples: Sequence[Sample]) -> None:
    """Refuse what cannot be stacked.

    Raises:
        HandposeError: the samples do not all have the same keys, or a key differs in shape.
    """
    keys = samples[0].keys()
    for position, sample in enumerate(samples):
        if sample.keys() != keys:
            odd = sorted(sample.keys() ^ keys)
            raise HandposeError(
                f"batch, sample {position}",
                f"a mix: only some samples have {', '.join(odd)}",
                "the same keys in every sample",
                "Batch one dataset at a time, or leave these keys out of all of them.",
            )
        for key in keys:
            if sample[key].shape != samples[0][key].shape:
                raise HandposeError(
                    f"batch, sample {position}, {key}",
                    f"shape {tuple(sample[key].shape)}",
                    f"{tuple(samples[0][key].shape)} as in the batch's first sample",
                    "Crop all samples to one size first.",
                )


def batch_sides(batch: Sample) -> Int[Tensor, " batch"]:
    """Return the side of each hand of a batch.

    Args:
        batch: By the contract.

    Returns:
        `handpose_core.hand.Side` of each.

    Raises:
        HandposeError: The batch does not say.
    """
    if "side" not in batch:
        raise HandposeError(
            "batch, side", "nothing", "whether each hand is a left or a right one: training needs it",
            "Take a dataset that says so; for a folder of images set --data.side left or right.",
        )  # fmt: skip
    return batch["side"]
