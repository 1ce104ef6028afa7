"""Keys of a sample that losses and scores read: declared where they are read, checked before the first batch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from torch import Tensor

from handpose_core.errors import HandposeError

Split: TypeAlias = Literal["train", "val", "test", "predict"]
#: The splits that a subcommand reads.
SPLITS: Mapping[str, tuple[Split, ...]] = {
    "fit": ("train", "val"), "validate": ("val",), "test": ("test",), "predict": ("predict",),
}  # fmt: skip
_WORDS: Mapping[Split, str] = {
    "train": "training samples", "val": "validation samples", "test": "test samples", "predict": "samples to predict",
}  # fmt: skip
_LABELLED = "Take a labelled dataset; a folder of pictures has its labels in labels.npz (docs/guides/dataset.md)."
_FLAGS = "Take a dataset with 2D joints; a folder of pictures gets these flags with joints_2d or joints_3d."
_VIEWS = "Give --data.group views with a dataset of several cameras (MHP, MVHM)."
_FIXES: Mapping[str, str] = {
    "joints_2d": _LABELLED,
    "joints_3d": "Take a dataset with 3D joints, such as RHD, STB, MHP, FreiHAND or MVHM; a folder of pictures has "
    "them as joints_3d, in mm, beside K in labels.npz.",
    "annotated": _FLAGS,
    "visible": _FLAGS,
    "K": "Take a dataset with intrinsics; a folder of pictures has them as K in labels.npz.",
    "side": "Take a dataset that says which hand it shows; for a folder of pictures give --data.side left or right.",
    "mask": "Take a dataset with masks, such as RHD or MVHM.",
    "depth": "Take RHD with its depth/ folder, MVHM, or STB with --data.depth true.",
    "unpaired_depth": "Give --data.depth_maps OwnDepth, or DepthFrom with another dataset's datamodule.",
    "vertices": "Make hands with handpose mvhm generate, and give --data MVHM --data.vertices true.",
    "R": _VIEWS,
    "t": _VIEWS,
}


@dataclass(frozen=True)
class Need:
    """Declare a key that every sample of a split must have.

    Args:
        keys: Keys of the sample contract, one of which must be there.
        reader: The loss, score or network that reads it, for the message.
        beside: Keys of samples that the need is restricted to: it holds where a sample has all of them.
        rows: Number of points that the key must have, such as a mesh's vertices; None for any.
        fix: The next step; None for the one that belongs to the key.
    """

    keys: tuple[str, ...]
    reader: str
    beside: tuple[str, ...] = ()
    rows: int | None = None
    fix: str | None = None


@runtime_checkable
class DeclaresNeeds(Protocol):
    """Modules and callbacks that say what they read of samples."""

    def needs(self, split: Split) -> Sequence[Need]:
        """Return the needs of a split."""


@runtime_checkable
class ShowsSamples(Protocol):
    """Datamodules that show a sample of a split before any loader is made."""

    def first_sample(self, split: Split) -> tuple[str, Mapping[str, Any]] | None:
        """Return the name and the values of a split's first sample; None for a split without samples."""


def needs_of(reader: str, *keys: str, beside: Sequence[str] = ()) -> tuple[Need, ...]:
    """Declare that a reader needs several keys.

    Args:
        reader: The loss, score or network that reads them.
        keys: All of them must be there.
        beside: As `Need`'s.

    Returns:
        A need for each key.
    """
    return tuple(Need((key,), reader, tuple(beside)) for key in keys)


def any_of(reader: str, keys: Sequence[str], beside: Sequence[str] = (), fix: str | None = None) -> Need:
    """Declare that a reader needs one of several keys.

    Args:
        reader: The loss, score or network that reads it.
        keys: One of them must be there.
        beside: As `Need`'s.
        fix: As `Need`'s.

    Returns:
        The need.
    """
    return Need(tuple(keys), reader, tuple(beside), fix=fix)


def restricted(needs: Iterable[Need], *beside: str) -> tuple[Need, ...]:
    """Restrict needs to samples that have some keys.

    Args:
        needs: To restrict.
        beside: The keys.

    Returns:
        The restricted needs.
    """
    return tuple(replace(need, beside=(*need.beside, *beside)) for need in needs)


def check_sample(
    sample: Mapping[str, Any], needs: Iterable[Need], where: str, provided: frozenset[str] = frozenset()
) -> None:
    """Refuse a sample that lacks what is read of it.

    Args:
        sample: By the sample contract, without a batch axis.
        needs: Of its split.
        where: The sample's name, for the message.
        provided: Keys that are added later, such as masks that a callback cuts out before the training.

    Raises:
        HandposeError: A key is missing, or has another number of points than is needed.
    """
    there = {*sample, *provided}
    for need in needs:
        if not there.issuperset(need.beside):
            continue
        if there.isdisjoint(need.keys):
            raise HandposeError(
                f"{where}: {' or '.join(need.keys)}",
                f"nothing (the sample has {', '.join(sorted(there))})",
                f"what {need.reader} reads",
                need.fix or _FIXES.get(need.keys[0], "Take data that have it."),
            )
        value = sample.get(need.keys[0])
        if need.rows is not None and isinstance(value, Tensor) and value.shape[-2] != need.rows:
            raise HandposeError(
                f"{where}: {need.keys[0]}",
                f"{value.shape[-2]:,}",
                f"{need.rows:,}, as {need.reader} has",
                need.fix or "Make the data with as many, or build the network for these.",
            )


def check_splits(module: object, datamodule: object, subcommand: str, callbacks: Iterable[object] = ()) -> None:
    """Refuse data whose samples lack what a module, or a callback of its training, reads.

    The datamodule must be set up for the subcommand. A module or datamodule that declares nothing passes.

    Args:
        module: Reads batches.
        datamodule: Gives them.
        subcommand: ``fit``, ``validate``, ``test`` or ``predict``.
        callbacks: Those of a training whose ``setup`` has not run yet: what they ``provide`` is taken as there.

    Raises:
        HandposeError: As `check_sample`, or a sample cannot be read.
    """
    if not isinstance(datamodule, ShowsSamples):
        return
    readers = [one for one in (module, *callbacks) if isinstance(one, DeclaresNeeds)]
    provided = frozenset(key for callback in callbacks for key in getattr(callback, "provides", ()))
    for split in SPLITS[subcommand]:
        needs = [need for reader in readers for need in reader.needs(split)]
        found = datamodule.first_sample(split) if needs else None
        if found is not None:
            name, sample = found
            check_sample(sample, needs, named(split, name), provided)


def named(split: Split, name: str) -> str:
    """Name a sample for messages.

    Args:
        split: That it belongs to.
        name: Its own, as its source has it.

    Returns:
        Such as ``training samples, data/synth/training, frame 0``.
    """
    return f"{_WORDS[split]}, {name}"
