"""The LightningModule that the methods share: recovery of millimetres, metrics, results, checkpoints."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, ClassVar, TypeVar

import pytorch_lightning as pl
from jaxtyping import Float
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities import rank_zero_only
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from handpose_core.datasets.mirroring import mirror_pixel_rows, mirror_rows
from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.geometry.handedness import MIRRORED
from handpose_core.io.checkpoint_parts import as_one_file
from handpose_core.metrics import ALIGNMENTS
from handpose_core.nn.backbones import WEIGHTS
from handpose_core.synth.provenance import generated_record
from handpose_core.training.checkpoints import (
    CLASS_KEY,
    HISTORY_KEY,
    INITIAL_WEIGHTS,
    check_checkpoint,
    class_path,
    saw_all_of,
)
from handpose_core.training.experiment.needs import Need, Split, check_splits, needs_of
from handpose_core.training.labels import LabelMeans
from handpose_core.training.manual_optimization import ManualOptimization
from handpose_core.training.prediction import (
    RECOVERIES,
    Estimate,
    Prediction,
    Recover,
    recover_with_truth,
    recover_without_truth,
    with_joints,
)
from handpose_core.training.results import Result, ScoreSheet
from handpose_core.training.right_hands import check_hands
from handpose_core.training.root_joint import check_root
from handpose_core.training.schedules import OptimizerCallable, Schedule, build_optimizer

_Module = TypeVar("_Module", bound="HandPoseModule")  # typing.Self cannot be checked on methods taken one by one
_NOT_REBUILT = ("optimizer", "gan_optimizer", "schedule")


def describe_data(trainer: pl.Trainer) -> dict[str, str]:
    """Collect what results depend on of the trainer's data.

    Args:
        trainer: Whose datamodule is asked.

    Returns:
        What the datamodule says of itself, and the version and checksum of generated data (of the parts of a mixture
        under their numbers); nothing for a datamodule that cannot.
    """
    datamodule: Any = getattr(trainer, "datamodule", None)
    described: dict[str, str] = datamodule.describe() if hasattr(datamodule, "describe") else {}
    return {**described, **_generated(datamodule)}


def _generated(datamodule: Any) -> dict[str, str]:
    root = getattr(datamodule, "root", None)
    own = generated_record(Path(root)) if isinstance(root, str | Path) else {}
    parts = enumerate(getattr(datamodule, "parts", ()))
    return own | {f"{number}.{key}": value for number, part in parts for key, value in _generated(part).items()}


class HandPoseModule(ManualOptimization):
    """A method that estimates 2D joints and relative depth; subclasses give `forward`, `losses` and `decode`.

    After ``test``, `results` holds a row for every recovery and alignment; callbacks draw and print it.

    Args:
        optimizer: builds the optimiser from the parameters.
        schedule: the learning rate's schedule; None keeps it constant.
        scale_mm: length of the reference bone for ``recover=predicted``; None takes the mean over the
            training labels, which then belongs to the checkpoint.
    """

    display_name: ClassVar[str]
    """The method's row in tables."""

    #: Whether the datamodule shall show left hands mirrored; a module that learns sides says no.
    takes_right_hands: ClassVar[bool] = True
    #: Options of earlier versions; checkpoints that hold one of them are refused, see `check_checkpoint`.
    earlier_options: ClassVar[frozenset[str]] = frozenset()
    network: nn.Module
    history: list[dict[str, str]]
    """What the weights were trained on, training by training; it belongs to the checkpoint and to every result."""

    def __init__(self, optimizer: OptimizerCallable, schedule: Schedule | None, scale_mm: float | None) -> None:
        super().__init__()
        self._build_optimizer = optimizer
        self._schedule = schedule
        self._scale_mm = scale_mm
        self.label_means = LabelMeans()
        self.val_scores = ScoreSheet(["true_root_and_scale"], ["root"])
        self.test_scores = ScoreSheet(RECOVERIES, tuple(ALIGNMENTS))
        self.results: list[Result] = []
        self.history = []
        self.initial_weights: WEIGHTS | None = None  # by name, where a method begins from some

    def describe(self) -> dict[str, str]:
        """The choices of the method that its results depend on, to be recorded with them."""
        return {}

    def needs(self, split: Split) -> Sequence[Need]:
        """Declare which keys of samples are read; a method adds those of its networks and losses.

        Args:
            split: ``train``, ``val``, ``test`` or ``predict``.

        Returns:
            The needs of scores, and of `recover`, for all methods.
        """
        if split == "train":
            return needs_of(f"{self.display_name}'s network", "image")
        if split == "predict":
            return needs_of("the recovery of millimetres", "image", "K")
        scored = needs_of("the score in 2D", "image", "joints_2d", "annotated", "visible")
        return (*scored, *needs_of("the score in 3D", "K", beside=("joints_3d",)))

    def setup(self, stage: str) -> None:
        """Refuse data whose samples lack what this module reads, and missing files, before the first batch.

        Args:
            stage: ``fit``, ``validate``, ``test`` or ``predict``.

        Raises:
            HandposeError: A key or file is missing.
        """
        check_splits(self, getattr(self._trainer, "datamodule", None), stage)
        self.check_resources(stage)

    def check_resources(self, subcommand: str) -> None:
        """Refuse a subcommand whose further files are missing; a method that reads any checks them here.

        Args:
            subcommand: ``fit``, ``validate``, ``test`` or ``predict``.

        Raises:
            HandposeError: A file or folder that the module reads beside its samples is not there.
        """

    def on_fit_start(self) -> None:
        """Begin a chapter of the history; a training that goes on is in it already.

        Raises:
            HandposeError: The data have another joint 0 than those that the weights were trained on.
        """
        chapter = {**self.describe(), **describe_data(self.trainer)}
        check_root(self.history, chapter)
        first = {INITIAL_WEIGHTS: self.initial_weights, **chapter} if self.initial_weights else chapter
        if self.history[-1:] not in ([chapter], [first]):
            self.history = [*self.history, chapter] if self.history else [first]

    def save_sizes(self) -> None:
        """Record the arguments that rebuild the model; to be called at the end of a subclass's ``__init__``.

        Under the command line these are the parsed options, all of them. An optimiser or schedule that
        came as a Python object cannot be rebuilt from a checkpoint, and is left out.
        """
        self.save_hyperparameters(logger=False)
        for name in _NOT_REBUILT:
            if not isinstance(self.hparams.get(name), dict):
                self.hparams.pop(name, None)
        self.hparams.pop("backbone_weights", None)  # a checkpoint holds its own: the weights' package is not needed

    @abstractmethod
    def build_network(self) -> nn.Module:
        """The method's network with new weights; a subclass keeps one as ``network``, the baselines take another."""

    @abstractmethod
    def losses(self, output: Any, batch: Sample) -> dict[str, Float[Tensor, ""]]:
        """Every loss by name; ``loss`` is the one to minimise. ``output`` is what `forward` returned."""

    @abstractmethod
    def decode(self, output: Any, image_size: int) -> Estimate:
        """What `forward` returned as joints in px of the crop, of side ``image_size``, and relative depths."""

    def inputs(self, batch: Sample) -> tuple[Tensor, ...]:
        """What `forward` takes of a batch: the image alone, unless a method is told more."""
        return (batch["image"],)

    def frames(self, batch: Sample) -> Sample:
        """The batch as single pictures, one for each that `decode` gives joints of; itself, unless it is of clips."""
        return batch

    def estimate(self, batch: Sample, recover: Recover) -> Prediction:
        """Predict a batch and recover millimetres; ``predicted`` needs no truth in the batch, only ``K``."""
        estimate = self.decode(self(*self.inputs(batch)), batch["image"].shape[-1])
        return self.recover(estimate, self.frames(batch), recover)

    def recover(self, estimate: Estimate, batch: Sample, recover: Recover) -> Prediction:
        """Millimetres for an estimate."""
        if recover == "true_root_and_scale":
            return with_joints(estimate, recover_with_truth(estimate, batch))
        return with_joints(estimate, recover_without_truth(estimate, batch, self.bone_mm.to(estimate.z_rel)))

    @property
    def bone_mm(self) -> Float[Tensor, ""]:
        """Length (mm) of the reference bone where no truth is used: as set, or the mean of the training labels."""
        if self._scale_mm is None:
            return self.label_means.bone
        return self.label_means.bone_sum.new_tensor(self._scale_mm).float()

    @property
    def hand_mm(self) -> float | None:
        """Length (mm) of the whole hand where no truth is used; None where `bone_mm` is the scale."""
        return None

    def training_step(self, batch: Sample, batch_idx: int) -> Tensor | None:
        """One step of the sum of losses."""
        self.label_means.update(batch)
        losses = self.losses(self(*self.inputs(batch)), batch)
        size = len(batch["image"])
        self.log_dict({f"train/{name}": value for name, value in losses.items()}, prog_bar=True, batch_size=size)
        return losses["loss"]

    def validation_step(self, batch: Sample, batch_idx: int) -> None:
        """Losses, and scores with the true root and scale."""
        output = self(*self.inputs(batch))
        self._record_validation(output, self.losses(output, batch), batch)

    def on_validation_start(self) -> None:
        """Check, under ``validate``, that the data have joint 0 and show hands as the weights were trained with.

        Raises:
            HandposeError: They have another joint 0, or show left hands in another way.
        """
        if self.trainer.state.fn == TrainerFn.VALIDATING:
            data = describe_data(self.trainer)
            check_root(self.history, data)
            check_hands(self.history, data)

    def on_validation_epoch_end(self) -> None:
        """Log ``val/epe`` (mm, root-aligned), ``val/auc_20_50`` and ``val/epe_2d`` (px); 2D alone without 3D joints."""
        *in_mm, in_px = (row.score for row in self.val_scores.results(self.display_name))
        figures = {
            name: value for score in in_mm for name, value in (("epe", score.epe_mean), ("auc_20_50", score.auc_20_50))
        }
        figures["epe_2d"] = in_px.epe_mean
        self.log_dict({f"val/{name}": value for name, value in figures.items()}, prog_bar=True)

    def on_test_start(self) -> None:
        """Check the data, and forget the results of an earlier test.

        Raises:
            HandposeError: The data have another joint 0 than those that the weights were trained on, or show left hands
                in another way.
        """
        data = describe_data(self.trainer)
        check_root(self.history, data)
        check_hands(self.history, data)
        if saw_all_of(self.history, data):
            rank_zero_only(print)(
                f"note: the weights were trained on what is tested here, {data['dataset']}: the figures say nothing of "
                "unseen pictures. Name other ones, of a folder by --data.test_root."
            )
        self.results = []

    def test_step(self, batch: Sample, batch_idx: int) -> None:
        """Scores in every recovery and alignment; in 2D alone where samples have no 3D joints."""
        self._score(self.test_scores, self(*self.inputs(batch)), batch)

    def on_test_epoch_end(self) -> None:
        """Put the method's rows before those that callbacks added to `results`, and log them."""
        rows = self.test_scores.results(self.display_name)
        self.results[:0] = rows
        *in_mm, in_px = (row.score for row in rows)
        for score in in_mm:
            prefix = f"test/{score.recover}/{score.alignment}"
            self.log_dict({f"{prefix}/{name}": value for name, value in score.scalars().items()})
        self.log("test/epe_2d", in_px.epe_mean)

    def predict_step(self, batch: Sample, batch_idx: int) -> dict[str, Tensor]:
        """Predict the joints of a batch, without truth, and move them to the CPU.

        Hands that were shown mirrored are mirrored back, so that all joints are in the true camera's frame.

        Returns:
            ``index`` (B), ``joints_2d`` (B 21 2) px of the un-mirrored crop, ``joints_3d`` (B 21 3) mm, ``z_rel`` and
            ``scores`` (B 21), and ``mirrored`` (B) where the datamodule mirrors left hands.
        """
        frames = self.frames(batch)
        predicted = {"index": frames["index"], **vars(self.estimate(batch, "predicted"))}
        if MIRRORED in frames:
            which = predicted[MIRRORED] = frames[MIRRORED]
            width = frames["image"].shape[-1]
            predicted["joints_2d"] = mirror_pixel_rows(predicted["joints_2d"], which, width)
            predicted["joints_3d"] = mirror_rows(predicted["joints_3d"], which)
        return {key: value.cpu() for key, value in predicted.items()}

    def parameter_groups(self) -> Iterable[Any]:
        """Return what the optimiser trains.

        Returns:
            Parameters, or groups of them as `torch.optim` takes them; a group's learning rate is the recipe's times
            its ``lr_factor``.
        """
        return self.parameters()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build the recipe's optimiser and schedule.

        Returns:
            The optimiser, with its schedule where there is one.
        """
        optimizer = build_optimizer(self._build_optimizer, self.parameter_groups())
        for group in optimizer.param_groups:
            group["lr"] *= group.get("lr_factor", 1.0)
        if self._schedule is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": self._schedule.build(optimizer, self.trainer)}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Record which class wrote the checkpoint, and what it was trained on."""
        checkpoint[CLASS_KEY] = class_path(type(self))
        checkpoint[HISTORY_KEY] = self.history

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take over what the weights were trained on."""
        self.history = checkpoint.get(HISTORY_KEY, [])

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls: type[_Module], checkpoint_path: str | Path | IO[bytes], *args: Any, **kwargs: Any
    ) -> _Module:
        """Rebuild the module from a checkpoint; arguments as Lightning's.

        Raises:
            HandposeError: the file is missing, is not a checkpoint, or another method wrote it.
        """
        if not isinstance(checkpoint_path, str | Path):
            return super().load_from_checkpoint(checkpoint_path, *args, **kwargs)
        check_checkpoint(Path(checkpoint_path), cls)
        with as_one_file(Path(checkpoint_path)) as whole:
            return super().load_from_checkpoint(whole, *args, **kwargs)

    def _record_validation(self, output: Any, losses: dict[str, Float[Tensor, ""]], batch: Sample) -> None:
        size = len(batch["image"])
        self.log_dict({f"val/{name}": value for name, value in losses.items()}, batch_size=size, sync_dist=True)
        self._score(self.val_scores, output, batch)

    def _score(self, sheet: ScoreSheet, output: Any, batch: Sample) -> None:
        estimate, frames = self.decode(output, batch["image"].shape[-1]), self.frames(batch)
        if "joints_2d" not in frames:
            raise HandposeError(
                "batch, joints_2d",
                "nothing",
                "labels to score against",
                "Take a labelled dataset (a folder of pictures has them in labels.npz); predict needs none.",
            )
        for recover in RECOVERIES:
            if recover in sheet.recoveries and "joints_3d" in frames:
                sheet.update(self.recover(estimate, frames, recover).joints_3d, frames, recover)
        sheet.update_2d(estimate.joints_2d, frames)
