"""The contract between data and methods: a sample is a flat dict of tensors; absent keys are absent.

In a mixture (`handpose_core.datasets.mixture`) a key that only some datasets have is in every sample: zeros, with
``has_<key>`` false, where the sample's own dataset lacks it. `labelled` reads both forms.

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
``mirrored``   bool scalar         a left hand is shown as a right one; ``side`` is that of the hand as it is shown
``dataset``    int64 scalar        in a mixture: which of its datasets, from 0
``has_<key>``  bool scalar         in a mixture: ``<key>`` is the sample's own; false: zeros stand in its place
=============  ==================  =========================================

View groups put a view axis in front and add ``R`` (3 3) and ``t`` (3), world to camera; clips a time axis.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from handpose_core.errors import HandposeError

Sample = dict[str, Tensor]
"""One sample, or a collated batch of them; keys and shapes as in this module's table."""
HAS = "has_"
"""What precedes a key in the name of its mask."""
#: Keys of the image's height and width.
OF_IMAGE = frozenset({"depth", "mask"})
#: Axes of a sample's own, of the keys that tell how many lie before them.
_AXES = {"image": 3, "depth": 3, "mask": 3, "annotated": 1, "joints_2d": 2, "joints_3d": 2}


def labelled(batch: Sample, key: str) -> Bool[Tensor, "*batch"]:
    """Return which samples of a batch have a value of a key.

    Args:
        batch: One sample, or a batch of any number of leading axes, with an image or joints.
        key: Of the contract's table.

    Returns:
        By the leading axes: all false where the batch lacks the key, the values of ``has_<key>``
        where it has that, else all true.
    """
    if HAS + key in batch and key in batch:
        return batch[HAS + key]
    of_sample = next(batch[name] for name in _AXES if name in batch)
    lead = of_sample.shape[: of_sample.ndim - next(axes for name, axes in _AXES.items() if name in batch)]
    return of_sample.new_full(lead, key in batch, dtype=torch.bool)


def labelled_part(sample: Sample) -> Sample:
    """Return one sample, or one group of views or clip, without the keys that only stand in for missing values.

    Args:
        sample: As a mixture gives it; any other is returned as it is.

    Returns:
        The keys that the sample's own dataset has, and all ``has_<key>``.
    """
    lacking = {key.removeprefix(HAS) for key, value in sample.items() if key.startswith(HAS) and not value.any()}
    return {key: value for key, value in sample.items() if key not in lacking}


def zero_filled(sample: Sample, keys: Sample) -> Sample:
    """Return a sample with zeros for the keys that it lacks.

    Args:
        sample: With an ``image``.
        keys: Further keys, each with a value of the shape and type that the sample shall have; depth and masks take the
            height and width of the sample's image.

    Returns:
        The sample with all of ``keys``.
    """
    lead, size = sample["image"].shape[:-3], sample["image"].shape[-2:]
    shapes = {key: (*lead, 1, *size) if key in OF_IMAGE else value.shape for key, value in keys.items()}
    return {
        **{key: value.new_zeros(shapes[key]) for key, value in keys.items() if key not in sample},
        **sample,
    }


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
                "Batch one dataset at a time, or join the datasets by --data Mixed, which says who has which.",
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
    if not labelled(batch, "side").all():
        raise HandposeError(
            "batch, side",
            "hands of which nothing says it" if "side" in batch else "nothing",
            "whether each hand is a left or a right one: training needs it",
            "Take a dataset that says so; for a folder of images set --data.side left or right.",
        )  # fmt: skip
    return batch["side"]
