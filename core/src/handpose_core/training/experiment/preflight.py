"""A check of trainings and tests before the first of them begins: what each would otherwise miss when its turn comes.

Each step's command line is parsed as the step itself will parse it, its module and datamodule are built, and a sample
of each split is compared with what the module, its objective and its callbacks read. So folders, files of weights,
packages, keys of samples and numbers of vertices are missed before anything is trained. Nothing is written.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import torch
from jsonargparse import Namespace
from pytorch_lightning import LightningDataModule
from pytorch_lightning.cli import LightningCLI
from torch import nn

from handpose_core.cli.registry import Method, methods
from handpose_core.errors import HandposeError
from handpose_core.io.checkpoint_parts import read_tensors
from handpose_core.training.checkpoints import check_checkpoint
from handpose_core.training.cli import HandposeCLI, quiet
from handpose_core.training.data_names import resolve_data
from handpose_core.training.experiment.needs import (
    SPLITS,
    DeclaresNeeds,
    Need,
    ShowsSamples,
    Split,
    check_sample,
    named,
)
from handpose_core.training.experiment.provenance import Start, starts_of
from handpose_core.training.recipes import resolve_recipes
from handpose_core.training.stages import Stage, refuse_reserved
from handpose_core.training.weights import shapes_of, shared_names

_ROOTS = ("root", "test_root", "simulated")
#: Weights and two moments of Adam, in single precision; the best and the last checkpoint.
_BYTES_PER_WEIGHT, _CHECKPOINTS = 3 * 4, 2


@dataclass(frozen=True)
class Step:
    """A training or test that is to be run.

    Args:
        stage: Its method, name and arguments.
        subcommand: ``fit`` or ``test``.
        after: The training whose checkpoint it starts from.
        init_from: The checkpoint that it starts from, where that is there already.
        made_in: A folder in which data are yet to be made: data from there are left unread. None reads all.
    """

    stage: Stage
    subcommand: str = "fit"
    after: "Step | None" = None
    init_from: Path | None = None
    made_in: Path | None = None


@dataclass(frozen=True)
class Passed:
    """A step that nothing was found to be missing for.

    Attributes:
        needs: What is read of samples, by split.
        starts: Weights that it begins from by its own options, the step before apart.
        shapes: Of its module's tensors, by name.
        checkpoint_bytes: What its checkpoints take on the disk, about.
        image_sizes: Sides of the crops that its data are asked for, px, by option.
    """

    needs: Mapping[Split, tuple[Need, ...]]
    starts: tuple[Start, ...]
    shapes: Mapping[str, torch.Size] = field(repr=False)
    checkpoint_bytes: int = 0
    image_sizes: Mapping[str, int] = field(default_factory=dict)


@runtime_checkable
class ChecksResources(Protocol):
    """Modules that read files beside samples and weights."""

    def check_resources(self, subcommand: str) -> None:
        """Raise where a file is missing."""


class Preflight:
    """Checks steps one after another; samples of the same data are read once."""

    def __init__(self) -> None:
        self._passed: dict[Step, Passed] = {}
        self._samples: dict[tuple[str, Split], tuple[str, Mapping[str, Any]] | None] = {}

    def check(self, step: Step) -> Passed:
        """Check a step, and first the one that it starts from.

        Args:
            step: To check; one that passed before is not checked again.

        Returns:
            What was found out about it.

        Raises:
            HandposeError: Something that the step needs is missing, or does not fit.
            SystemExit: An option is unknown or has an impossible value; it was printed.
        """
        if step not in self._passed:
            before = self.check(step.after) if step.after else None
            with _named(step):
                self._passed[step] = self._check(step, before)
        return self._passed[step]

    def _check(self, step: Step, before: Passed | None) -> Passed:
        refuse_reserved(step.stage)
        method = _method(step.stage.method)
        if step.init_from is not None:
            check_checkpoint(step.init_from, method.load(), "--init_from")
        dry = _parse(step, method)
        self._check_start(step, before, dry)
        needs = {split: tuple(_needs(dry, split)) for split in SPLITS[step.subcommand]}
        if dry.reads_data:
            for split, own in needs.items():
                self._check_sample(dry, split, own)
            if isinstance(dry.model, ChecksResources):
                dry.model.check_resources(step.subcommand)
        starts = starts_of(dry.options.as_dict()) if step.subcommand == "fit" else []
        shapes = shapes_of(dry.model.state_dict())
        return Passed(needs, tuple(starts), shapes, _bytes_of(dry, step), dry.image_sizes)

    @staticmethod
    def _check_start(step: Step, before: Passed | None, dry: "_DryRun") -> None:
        """Refuse two starts, and earlier weights that the module cannot take."""
        if step.subcommand != "fit":
            return
        given = {name: dry.options.get(name) for name in ("init_from", "ckpt_path")}
        for name, path in given.items():
            if path and (name == "ckpt_path" or step.after or step.init_from):
                raise HandposeError(
                    f"{name}, in a configuration file", str(path), "nothing: a stage starts from the one before it",
                    "Leave it out of the file; the first stage takes --init_from of the command.",
                )  # fmt: skip
        own, earlier = shapes_of(dry.model.state_dict()), step.init_from or given["init_from"]
        if before is not None:
            shared_names(own, before.shapes, f"weights of stage {step.after.stage.name}")  # type: ignore[union-attr]
        elif earlier:
            shared_names(own, shapes_of(read_tensors(Path(earlier))["state_dict"]), f"--init_from {earlier}")

    def _check_sample(self, dry: "_DryRun", split: Split, needs: Sequence[Need]) -> None:
        key = (json.dumps(dry.options.data.as_dict(), sort_keys=True, default=str), split)
        if key not in self._samples:
            self._samples[key] = _first_sample(dry.datamodule, str(dry.subcommand), split)
        found = self._samples[key]
        if found is not None:
            name, sample = found
            provided = frozenset(key for callback in dry.callbacks for key in getattr(callback, "provides", ()))
            check_sample(sample, needs, named(split, name), provided)


def check_disk(folder: Path, passed: Iterable[Passed]) -> None:
    """Refuse a disk without room for the checkpoints of trainings.

    Args:
        folder: Where they will be written; it need not be there.
        passed: The trainings.

    Raises:
        HandposeError: There is less room than the checkpoints take.
    """
    needed = sum(one.checkpoint_bytes for one in passed)
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise HandposeError(
            f"the disk of {folder}", f"{free / 1e9:.1f} GB free", f"{needed / 1e9:.1f} GB, for checkpoints",
            "Free some, or give a folder on another disk: --run_dir, or --work of a table.",
        )  # fmt: skip


class _DataToBeMade(LightningDataModule):
    """Stands in for data that are yet to be made."""


class _DryRun(HandposeCLI):
    """A subcommand that is parsed and built, and not run; it writes nothing.

    Args:
        step: To parse.
        method: Its method.
        argv: Its arguments, with paths in place of recipes' names.
        recipe: The recipe's name.

    Attributes:
        reads_data: Whether its data are built and read; not those that are yet to be made.
        image_sizes: Of its data, see `Passed`.
    """

    def __init__(self, step: Step, method: Method, argv: Sequence[str], recipe: str | None) -> None:
        self._stage, self._made_in, self.reads_data = step.stage.name, step.made_in, True
        self._only = step.subcommand
        self.image_sizes: dict[str, int] = {}
        super().__init__(step.stage.method, method.load(), argv, recipe, f"stage {step.stage.name}")

    @property
    def options(self) -> Any:
        """The parsed options of the subcommand."""
        return self.config[self.config.subcommand]

    @property
    def callbacks(self) -> list[object]:
        """The trainer's callbacks of the configuration."""
        found = self.config_init[self.config.subcommand].trainer.callbacks
        return found if isinstance(found, list) else [found] if found else []

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Return the step's own alone: to describe the options of all takes half of a check's time."""
        return {self._only: LightningCLI.subcommands()[self._only]}

    def _set_seed(self) -> None:
        """Leave the seeds of this process alone."""

    def _checkpoint(self, given: str | None, run_dir: Path | None) -> str | None:
        """Return what is given: the step before will make what is tested."""
        return given

    def before_instantiate_classes(self) -> None:
        """Validate that the folders of data are there, before anything is built of them."""
        options = self.options.as_dict()
        roots, data = list(_roots(options)), options.get("data")
        self.image_sizes = {name: size for name, size in _nested(data, "data", ("image_size",)) if size is not None}
        made_in = self._made_in.absolute() if self._made_in else None
        self.reads_data = not any(made_in and Path(path).absolute().is_relative_to(made_in) for _, path in roots)
        for place, path in roots if self.reads_data else ():
            if "://" not in path and not Path(path).exists():
                raise HandposeError(
                    place, f"{path}, where nothing is", "the stage's data",
                    f"Put the data there, or name another folder or file: --{place} (for this stage of a recipe "
                    f"alone: --{self._stage}:{place})",
                )  # fmt: skip
        if not self.reads_data:
            stand_in: Any = Namespace
            self.options.data = stand_in(class_path=f"{__name__}.{_DataToBeMade.__name__}")

    def instantiate_classes(self) -> None:
        """Build the module, the data and the callbacks, but no trainer."""
        LightningCLI.instantiate_classes(self)

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        """Return nothing: a trainer would open loggers and devices."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Run nothing."""


def _parse(step: Step, method: Method) -> _DryRun:
    resolved = resolve_recipes(method.package, [step.subcommand, *step.stage.arguments])
    with quiet():
        return _DryRun(step, method, resolve_data(resolved.argv), resolved.name)


def _method(name: str) -> Method:
    known = methods()
    if name not in known:
        raise HandposeError(f"method {name}", "none installed", ", ".join(known), f"Install handpose-{name}.")
    return known[name]


def _needs(dry: _DryRun, split: Split) -> Iterator[Need]:
    for reader in (dry.model, *dry.callbacks):
        if isinstance(reader, DeclaresNeeds):
            yield from reader.needs(split)


def _first_sample(
    datamodule: LightningDataModule, subcommand: str, split: Split
) -> tuple[str, Mapping[str, Any]] | None:
    """Read the first sample of a split, as a trainer would set up the data; None where the data show none."""
    if not isinstance(datamodule, ShowsSamples):
        return None
    datamodule.prepare_data()
    datamodule.setup(subcommand)
    return datamodule.first_sample(split)


def _bytes_of(dry: _DryRun, step: Step) -> int:
    trainer, module = dry.options.trainer, cast(nn.Module, dry.model)
    if step.subcommand != "fit" or trainer.enable_checkpointing is False or trainer.fast_dev_run:
        return 0
    return _CHECKPOINTS * _BYTES_PER_WEIGHT * sum(parameter.numel() for parameter in module.parameters())


def _roots(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the option and the value of every folder of data, those of nested datamodules among them."""
    for part in ("data", "model"):
        for option, value in _nested(options.get(part), part, _ROOTS):
            if isinstance(value, str):
                yield option, value


def _nested(options: Any, place: str, keys: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield the option and the value of every key of these names, however deep."""
    if isinstance(options, Mapping):
        for key, value in options.items():
            option = place if key == "init_args" else f"{place}.{key}"
            if key in keys:
                yield option, value
            yield from _nested(value, option, keys)
    elif isinstance(options, list | tuple):
        for number, value in enumerate(options):
            yield from _nested(value, f"{place}[{number}]", keys)


@contextmanager
def _named(step: Step) -> Iterator[None]:
    """Name the step in what is refused."""
    try:
        yield
    except HandposeError as error:
        if error.where.startswith("stage "):
            raise
        raise HandposeError(
            f"stage {step.stage.name}, {error.where}", error.found, error.expected, error.fix
        ) from error
