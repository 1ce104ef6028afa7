"""``handpose <method> fit|validate|test|predict``: Lightning's CLI with recipes, run folders, loggers, callbacks."""

import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning_fabric.plugins import CheckpointIO
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Callback, LightningDataModule, Trainer
from pytorch_lightning.callbacks import (
    LearningRateMonitor,
    ModelCheckpoint,
    ProgressBar,
    RichProgressBar,
    TQDMProgressBar,
)
from pytorch_lightning.cli import ArgsType, LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from handpose_core.cli.registry import Method
from handpose_core.errors import HandposeError
from handpose_core.io import atomic
from handpose_core.io.checkpoint_parts import CheckpointParts, as_one_file
from handpose_core.training import logging
from handpose_core.training.baselines import Baselines
from handpose_core.training.callbacks_checkpoints import LastCheckpoint, ValidatesOnce
from handpose_core.training.callbacks_meshes import Meshes
from handpose_core.training.callbacks_pictures import Pictures
from handpose_core.training.callbacks_predictions import PredictionFile
from handpose_core.training.callbacks_results import ResultsTable
from handpose_core.training.checkpoints import check_checkpoint, framing_of, read_history
from handpose_core.training.data_names import resolve_data, short_name
from handpose_core.training.described import described
from handpose_core.training.folders import new_run_dir, unused
from handpose_core.training.module import HandPoseModule
from handpose_core.training.precision import affordable
from handpose_core.training.recipes import Resolved
from handpose_core.training.stages import ENDED
from handpose_core.training.threads import leave_cores_to_loaders
from handpose_core.training.weights import take_weights

SEED = 0
CALLBACKS: dict[str, type[Callback]] = {
    "checkpoint": ModelCheckpoint,
    "last_checkpoint": LastCheckpoint,
    "learning_rate_monitor": LearningRateMonitor,
    "baselines": Baselines,
    "results_table": ResultsTable,
    "pictures": Pictures,
    "meshes": Meshes,
    "prediction_file": PredictionFile,
}
"""What every run has, by the name of its options; the order is that of their hooks."""
ONLY_IN_FIT = ("checkpoint", "last_checkpoint", "learning_rate_monitor")
ONLY_OF_POSES = ("baselines", "results_table", "pictures", "meshes", "prediction_file")
"""For methods that estimate poses; one that makes images has its own."""
USAGE = "[--config RECIPE] [--data NAME] [--data.OPTION ...] [--model.OPTION ...] [--trainer.OPTION ...] [options]"
MONITOR = "val/epe"
"""The validation metric whose lowest value makes the best checkpoint: root-aligned EPE in mm."""


def run(name: str, method: Method, resolved: Resolved, prog: str) -> int:
    """Run one subcommand of a method; the exit status.

    Args:
        name: the method's name.
        method: the method.
        resolved: the arguments after the name.
        prog: how the user called it, for usage messages.
    """
    with warnings.catch_warnings():
        # nothing a user can act upon: torch about Lightning's own code, and callbacks that only `fit` has
        warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
        warnings.filterwarnings("ignore", message="Be aware that when using `ckpt_path`, callbacks used")
        warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")  # when it goes on
        warnings.filterwarnings("ignore", message="Found .* module.* in eval mode")  # those that a stage leaves alone
        logging.silence_advertisement()
        try:
            HandposeCLI(name, method.load(), resolve_data(resolved.argv), resolved.name, prog)
        finally:
            logging.close()
    return 0


class HandposeCLI(LightningCLI):
    """Lightning's CLI for one method.

    Beside Lightning's options: ``--run_dir``, ``--init_from``, and ``--checkpoint.*`` for what is kept.
    A checkpoint rebuilds its model, so ``test --ckpt_path X --data RHD ...`` needs no recipe.

    Args:
        method_name: names the run folder.
        model_class: the method's LightningModule.
        argv: the arguments; recipes are paths already.
        recipe: the recipe's name, for the run folder.
        prog: how the user called it.
    """

    def __init__(
        self, method_name: str, model_class: type[Any], argv: Sequence[str], recipe: str | None, prog: str
    ) -> None:
        self._method_name = method_name
        self._method_class = model_class
        self._argv = list(argv)
        self._recipe = recipe
        self.run_dir = self.stage_dir = Path()
        super().__init__(
            model_class=model_class,
            datamodule_class=LightningDataModule,
            subclass_mode_data=True,
            # the datamodules bring samplers of their own, so that evaluation counts every sample once
            trainer_defaults={"use_distributed_sampler": False},
            seed_everything_default=SEED,
            parser_kwargs={"prog": prog, **{name: {"usage": f"{prog} {name} {USAGE}"} for name in self.subcommands()}},
            auto_configure_optimizers=False,  # the methods' modules configure theirs
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the run folder and the callbacks that every run has."""
        parser.add_argument(
            "--run_dir",
            type=Path | None,
            default=None,
            help="Where the run writes. Default: runs/<method>/<recipe>/<date_time>.",
        )
        parser.add_argument(  # known to `test` too, so that it reads a training's config.yaml
            "--init_from",
            type=Path | None,
            default=None,
            help="For fit: start from the weights of this checkpoint of the same method, as far as names agree; "
            "optimiser and epoch start anew.",
        )
        parser.add_argument(
            "--own_data",
            type=bool,
            default=False,
            help="In a recipe: the data options given to all stages are not for this one, which reads its own data.",
        )
        for name, callback in CALLBACKS.items():
            parser.add_class_arguments(callback, name)
        parser.set_defaults(
            {
                "checkpoint.monitor": MONITOR,
                "checkpoint.filename": "best",
                "checkpoint.enable_version_counter": False,  # a better one replaces best.ckpt
            }
        )

    def setup_parser(
        self, add_subcommands: bool, main_kwargs: dict[str, Any], subparser_kwargs: dict[str, Any]
    ) -> None:
        """Set up the parsers; the results table stands in for Lightning's own print of the metrics."""
        super().setup_parser(add_subcommands, main_kwargs, subparser_kwargs)
        for name in ("validate", "test"):
            self._subcommand_parsers[name].set_defaults({"verbose": False})

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse, and check the checkpoint before anything is built from it."""
        self.config = parser.parse_args(self._argv)  # Lightning would warn that it is not given sys.argv
        options = self.config[self.config.subcommand]
        if options.ckpt_path and not _left_to_lightning(self.config.subcommand, options.ckpt_path):
            check_checkpoint(Path(options.ckpt_path), self._method_class)
        if self.config.subcommand == "fit" and options.init_from:
            if options.ckpt_path:
                raise HandposeError(
                    "--init_from, --ckpt_path",
                    "both",
                    "one: new training from earlier weights, or going on with a training",
                    "Leave one of them out.",
                )
            check_checkpoint(options.init_from, self._method_class, "--init_from")

    def _parse_ckpt_path(self) -> None:
        """Take the checkpoint's arguments, of a module that was made in Python, too, where Lightning takes options."""
        subcommand, given = self.config.subcommand, self.config[self.config.subcommand].ckpt_path
        with as_one_file(Path(given or "")) as whole:
            self.config[subcommand].ckpt_path = str(whole) if given else None
            super()._parse_ckpt_path()
            self.config[subcommand].ckpt_path = given
        options = self.config[self.config.subcommand]
        options.model = described(vars(options.model), self._method_class)

    def before_instantiate_classes(self) -> None:
        """Choose the folders: ``<run folder>/fit``, ``<run folder>/test``; nothing there is ever overwritten.

        Raises:
            HandposeError: another training wrote into the run folder.
        """
        subcommand, options = self.config.subcommand, self.config[self.config.subcommand]
        root = Path(options.trainer.default_root_dir or "runs")
        name = self._recipe or short_name(options.data.class_path)
        self.run_dir = options.run_dir or new_run_dir(root, self._method_name, name)
        trained = any((self.run_dir / "fit" / "checkpoints").glob("*.ckpt"))
        if subcommand == "fit" and trained and not options.ckpt_path:
            raise HandposeError(
                f"--run_dir {self.run_dir}",
                "a run that was trained before",
                "a new folder",
                "Leave --run_dir out, or go on from its checkpoint: --ckpt_path <run folder>/fit/checkpoints/last.ckpt",
            )
        self.stage_dir = unused(self.run_dir / subcommand)

    def instantiate_classes(self) -> None:
        """Build data, model and trainer, take earlier weights, and share the cores with the loaders."""
        super().instantiate_classes()
        leave_cores_to_loaders(getattr(self.datamodule, "num_workers", 0))
        options = self.config[self.config.subcommand]
        if self.config.subcommand == "fit" and options.init_from:
            rank_zero_only(print)(take_weights(self.model, options.init_from))
            self.model.history = read_history(options.init_from)
        local = options.ckpt_path and not _left_to_lightning(self.config.subcommand, options.ckpt_path)
        if self.config.subcommand in ("validate", "test") and local:
            self._tell_of_other_crops(Path(options.ckpt_path))

    def _tell_of_other_crops(self, checkpoint: Path) -> None:
        """Say so where crops differ from those of the training: no error, but figures that mislead."""
        trained = framing_of(read_history(checkpoint))
        given = (getattr(self.datamodule, "image_size", None), getattr(self.datamodule, "crop_scale", None))
        if trained and None not in given and given != trained:
            rank_zero_only(print)(
                f"note: crops of {given[0]} px, {given[1]:g} times the hand; {checkpoint} was trained on "
                f"{trained[0]} px, {trained[1]:g} times. Figures will not be its best: --data.image_size {trained[0]} "
                f"--data.crop_scale {trained[1]:g}"
            )

    def after_fit(self) -> None:
        """Write down that the training came to its end, which its exit status does not tell, and its checkpoint."""
        if self.trainer.is_global_zero and not self.config.fit.trainer.fast_dev_run:
            record = {"checkpoint": handed_on(self.trainer), "epochs": self.trainer.current_epoch}
            atomic.write_text(self.stage_dir / ENDED, json.dumps(record, indent=2) + "\n")

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The trainer, writing into the run folder.

        Raises:
            HandposeError: Lightning refuses the trainer's options.
        """
        options = self.config_init[self.config.subcommand].trainer
        callbacks = _as_list(options.callbacks)
        precision = affordable(options.precision, options.accelerator)
        if precision != options.precision:
            rank_zero_only(print)(f"precision: {precision}, as this processor has to emulate {options.precision}")
        try:
            return super().instantiate_trainer(
                default_root_dir=self.run_dir,
                precision=precision,
                logger=self._loggers(options.logger),
                callbacks=[
                    *callbacks,
                    ValidatesOnce(),
                    *self._progress_bar(options.enable_progress_bar, callbacks),
                    *self._standing_callbacks(
                        options.enable_checkpointing is not False and not options.fast_dev_run, callbacks
                    ),
                ],
                plugins=_with_checkpoints(_as_list(options.plugins)),
                enable_checkpointing=options.enable_checkpointing if self.config.subcommand == "fit" else False,
                **kwargs,
            )
        except MisconfigurationException as error:
            raise HandposeError("--trainer", str(error), "options that Lightning accepts", "See --help.") from error

    def _loggers(self, configured: Any) -> list[Logger]:
        """CSV always; then those of the configuration, W&B unless it says otherwise."""
        if configured is None or configured is True:
            configured = logging.wandb_logger(self.run_dir, self._method_name)
        return [logging.csv_logger(self.stage_dir), *_as_list(configured)]

    def _standing_callbacks(self, checkpoints: bool, configured: Sequence[Callback]) -> list[Callback]:
        """Those of every run, as its options say; one of the same class in the trainer's ``callbacks`` stands in.

        Args:
            checkpoints: the trainer's options allow them.
            configured: the trainer's ``callbacks``.
        """
        left_out = {name for name in ONLY_IN_FIT if self.config.subcommand != "fit"}
        left_out |= set() if checkpoints else {"checkpoint", "last_checkpoint"}
        left_out |= set() if issubclass(self._method_class, HandPoseModule) else set(ONLY_OF_POSES)
        left_out |= {name for name, kind in CALLBACKS.items() if any(type(callback) is kind for callback in configured)}
        return [self.config_init[self.config.subcommand][name] for name in CALLBACKS if name not in left_out]

    @staticmethod
    def _progress_bar(enabled: bool | None, callbacks: Sequence[Callback]) -> list[Callback]:
        if enabled is False or any(isinstance(callback, ProgressBar) for callback in callbacks):
            return []
        return [RichProgressBar()] if sys.stdout.isatty() else [TQDMProgressBar(refresh_rate=20)]


def handed_on(trainer: Trainer) -> str | None:
    """The checkpoint that stands for the training: the best one, or the last where nothing is monitored."""
    kept = [callback for callback in trainer.checkpoint_callbacks if isinstance(callback, ModelCheckpoint)]
    best = [callback.best_model_path for callback in kept if callback.monitor is not None]
    last = [callback.best_model_path for callback in kept if isinstance(callback, LastCheckpoint)]
    return next((path for path in (*best, *last) if path), None)


def _as_list(value: Any) -> list[Any]:
    """What a Trainer option that takes one, several or none holds."""
    return value if isinstance(value, list) else [value] if value else []


def _with_checkpoints(plugins: list[Any]) -> list[Any]:
    """Return the trainer's plugins with one that reads checkpoints in parts, unless one of them reads checkpoints."""
    return plugins if any(isinstance(plugin, CheckpointIO) for plugin in plugins) else [*plugins, CheckpointParts()]


def _left_to_lightning(subcommand: str, ckpt_path: str) -> bool:
    """Whether the checkpoint is no local file: ``fit`` can go on from its own last one, and URLs are fetched."""
    return "://" in ckpt_path or (subcommand == "fit" and ckpt_path in ("best", "last", "hpc"))
