"""``handpose <method> fit|validate|test|predict``: Lightning's CLI with recipes, run folders, loggers, callbacks."""

import json
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning_fabric.plugins import CheckpointIO, ClusterEnvironment
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
from pytorch_lightning.loggers import Logger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only
from pytorch_lightning.utilities.exceptions import SIGTERMException

from handpose_core.cli.registry import Method
from handpose_core.errors import HandposeError
from handpose_core.io import atomic
from handpose_core.io.checkpoint_parts import CheckpointParts, as_one_file
from handpose_core.training import logging
from handpose_core.training.baselines import Baselines
from handpose_core.training.callbacks_checkpoints import LastCheckpoint, ValidatesOnce
from handpose_core.training.callbacks_config import SavedConfig
from handpose_core.training.callbacks_divergence import DivergenceStop
from handpose_core.training.callbacks_meshes import Meshes
from handpose_core.training.callbacks_pictures import Pictures
from handpose_core.training.callbacks_predictions import PredictionFile
from handpose_core.training.callbacks_results import ResultsTable
from handpose_core.training.checkpoints import check_checkpoint, find_in_run, framing_of, read_history
from handpose_core.training.data_names import known_datamodules, resolve_data, short_name
from handpose_core.training.described import described, partial_defaults
from handpose_core.training.folders import RunFolders
from handpose_core.training.module import HandPoseModule
from handpose_core.training.option_checks import check_trainer_options
from handpose_core.training.precision import affordable
from handpose_core.training.recipes import Resolved
from handpose_core.training.slurm import environment_without_srun
from handpose_core.training.stages import ENDED
from handpose_core.training.text_values import keep_texts, texts_kept
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

    Raises:
        SystemExit: SIGTERM ended it before its time; a training goes on from its last checkpoint.
    """
    with surroundings():
        try:
            HandposeCLI(name, method.load(), resolve_data(resolved.argv), resolved.name, prog)
        except SIGTERMException as error:  # Lightning's status for it is 0
            raise SystemExit(128 + signal.SIGTERM) from error
    return 0


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings that a user cannot act upon, and read options as `keep_texts` says.

    Yields:
        Nothing.
    """
    with warnings.catch_warnings():
        # torch about Lightning's own code, and callbacks that only `fit` has
        warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
        warnings.filterwarnings("ignore", message="Be aware that when using `ckpt_path`, callbacks used")
        warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")  # when it goes on
        warnings.filterwarnings("ignore", message="The dirpath has changed")  # likewise; `find_in_run` compares them
        warnings.filterwarnings("ignore", message="Precision .* is not supported by the model summary")
        warnings.filterwarnings("ignore", message="Found .* module.* in eval mode")  # those that a stage leaves alone
        logging.silence_advertisement()
        keep_texts()
        yield


@contextmanager
def surroundings() -> Iterator[None]:
    """Silence what `quiet` does, and close the loggers at the end.

    Yields:
        Nothing.
    """
    with quiet():
        try:
            yield
        finally:
            logging.close()


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
        self._folders: RunFolders | None = None
        try:
            super().__init__(
                model_class=model_class,
                datamodule_class=LightningDataModule,
                save_config_callback=SavedConfig,
                subclass_mode_data=True,
                # the datamodules bring samplers of their own, so that evaluation counts every sample once
                trainer_defaults={"use_distributed_sampler": False},
                seed_everything_default=SEED,
                parser_kwargs={
                    "prog": prog,
                    **{name: {"usage": f"{prog} {name} {USAGE}"} for name in self.subcommands()},
                },
                auto_configure_optimizers=False,  # the methods' modules configure theirs
            )
        finally:
            if self._folders:
                self._folders.release()

    @property
    def run_dir(self) -> Path:
        """The run's folder."""
        assert self._folders is not None  # made before anything is instantiated
        return self._folders.run_dir

    @property
    def stage_dir(self) -> Path:
        """The folder of this subcommand: ``<run folder>/fit``, ``fit_2``, ``test``, ..."""
        assert self._folders is not None
        return self._folders.stage_dir

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
                **{f"model.{name}": options for name, options in partial_defaults(self._method_class).items()},
            }
        )

    def setup_parser(
        self, add_subcommands: bool, main_kwargs: dict[str, Any], subparser_kwargs: dict[str, Any]
    ) -> None:
        """Set up the parsers; the results table stands in for Lightning's own print of the metrics."""
        super().setup_parser(add_subcommands, main_kwargs, subparser_kwargs)
        for name in {"validate", "test"} & self._subcommand_parsers.keys():
            self._subcommand_parsers[name].set_defaults({"verbose": False})

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse; find the checkpoint and check it before anything is built from it."""
        with texts_kept(self._argv, known_datamodules().values()):
            self.config = parser.parse_args(self._argv)  # Lightning would warn that it is not given sys.argv
        subcommand, options = self.config.subcommand, self.config[self.config.subcommand]
        check_trainer_options(subcommand, options)
        options.ckpt_path = self._checkpoint(options.ckpt_path, options.run_dir)
        if options.ckpt_path and not _is_url(options.ckpt_path):
            check_checkpoint(Path(options.ckpt_path), self._method_class)
        if subcommand == "fit" and options.init_from:
            if options.ckpt_path:
                raise HandposeError(
                    "--init_from, --ckpt_path",
                    "both",
                    "one: new training from earlier weights, or going on with a training",
                    "Leave one of them out.",
                )
            check_checkpoint(options.init_from, self._method_class, "--init_from")

    def _checkpoint(self, given: str | None, run_dir: Path | None) -> str | None:
        """Return the path or URL of the checkpoint to start from: as given, or found in the run's folder.

        Args:
            given: the value of ``--ckpt_path``.
            run_dir: the value of ``--run_dir``.

        Raises:
            HandposeError: there is none, and the subcommand needs one; or Lightning would look for it elsewhere.
        """
        subcommand = self.config.subcommand
        if given is None:
            if subcommand == "fit":
                return None
            if run_dir is None:
                raise HandposeError(
                    "--ckpt_path",
                    "nothing",
                    f"a checkpoint to {subcommand}: without one the network is untrained",
                    "Give --ckpt_path <file>, or the run's folder: --run_dir <run folder>.",
                )
            has_best = any(run_dir.glob("fit*/checkpoints/best.ckpt"))
            given = "best" if has_best else "last"
        if given not in ("last", "best"):
            if given == "hpc" or given.partition(":")[0] == "registry":
                raise HandposeError(
                    f"--ckpt_path {given}", "a keyword that is not supported", "a file, a URL, last or best",
                    "Name the checkpoint's file.",
                )  # fmt: skip
            return given
        if run_dir is None:
            raise HandposeError(
                f"--ckpt_path {given}", "no --run_dir", "the folder of the run whose checkpoint it is",
                f"Give --run_dir <run folder> --ckpt_path {given}, or name the checkpoint's file.",
            )  # fmt: skip
        found = find_in_run(run_dir, given)
        rank_zero_only(print)(f"checkpoint: {found}")
        return str(found)

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
        """Claim the folders: ``<run folder>/fit``, ``<run folder>/test``; nothing there is ever overwritten.

        Raises:
            HandposeError: another training wrote into the run folder.
        """
        subcommand, options = self.config.subcommand, self.config[self.config.subcommand]
        if subcommand == "fit" and not options.ckpt_path:
            _refuse_trained(options)
        root = Path(options.trainer.default_root_dir or "runs")
        name = self._recipe or short_name(options.data.class_path)
        is_first = rank_zero_only.rank == 0  # type: ignore[attr-defined]  # Lightning sets it
        self._folders = RunFolders(options.run_dir, root, self._method_name, name, subcommand, is_first)

    def instantiate_classes(self) -> None:
        """Build data, model and trainer, take earlier weights, and share the cores with the loaders."""
        super().instantiate_classes()
        leave_cores_to_loaders(getattr(self.datamodule, "num_workers", 0))
        options = self.config[self.config.subcommand]
        if self.config.subcommand == "fit" and options.init_from:
            rank_zero_only(print)(take_weights(self.model, options.init_from))
            self.model.history = read_history(options.init_from)
        tested = self.config.subcommand in ("validate", "test")
        if tested and options.ckpt_path and not _is_url(options.ckpt_path):
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
                    DivergenceStop(),
                    *self._progress_bar(options.enable_progress_bar, callbacks),
                    *self._standing_callbacks(
                        options.enable_checkpointing is not False and not options.fast_dev_run, callbacks
                    ),
                ],
                plugins=self._plugins(_as_list(options.plugins)),
                enable_checkpointing=options.enable_checkpointing if self.config.subcommand == "fit" else False,
                **kwargs,
            )
        except (MisconfigurationException, ModuleNotFoundError, RuntimeError, TypeError, ValueError) as error:
            raise HandposeError("--trainer", str(error), "options that Lightning accepts", "See --help.") from error

    @staticmethod
    def _plugins(configured: list[Any]) -> list[Any]:
        """Return the trainer's plugins; staged checkpoints and the cluster's environment where none stands in."""
        own: list[Any] = []
        if not any(isinstance(plugin, CheckpointIO) for plugin in configured):
            own.append(CheckpointParts())
        environment = environment_without_srun()
        if environment and not any(isinstance(plugin, ClusterEnvironment) for plugin in configured):
            rank_zero_only(print)(
                f"note: SLURM_NTASKS is {os.environ['SLURM_NTASKS']}, but srun did not start this process; it trains "
                "alone, on --trainer.devices. For a training over SLURM's tasks start it by srun."
            )
            own.append(environment)
        return [*configured, *own]

    def _loggers(self, configured: Any) -> list[Logger]:
        """CSV always; then those of the configuration, W&B unless it says otherwise."""
        if configured is None or configured is True:
            configured = logging.wandb_logger(self.run_dir, self._method_name)
        loggers = [
            logging.OfflineFallbackLogger.of(logger) if type(logger) is WandbLogger else logger
            for logger in _as_list(configured)
        ]
        return [logging.csv_logger(self.stage_dir), *loggers]

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


def _refuse_trained(options: Any) -> None:
    """Validate that a new training has no other training's checkpoints where it writes its own.

    Args:
        options: those of ``fit``.

    Raises:
        HandposeError: there are checkpoints.
    """
    folders = {
        "--run_dir": options.run_dir and options.run_dir / "fit" / "checkpoints",
        "--checkpoint.dirpath": options.checkpoint.dirpath,
        "--last_checkpoint.dirpath": options.last_checkpoint.dirpath,
    }
    for option, folder in folders.items():
        if folder and any(Path(folder).glob("*.ckpt")):
            raise HandposeError(
                f"{option} {options.run_dir if option == '--run_dir' else folder}",
                "a run that was trained before",
                "a new folder",
                f"Leave {option} out, or go on from the run's last checkpoint: --ckpt_path last",
            )


def _as_list(value: Any) -> list[Any]:
    """What a Trainer option that takes one, several or none holds."""
    return value if isinstance(value, list) else [value] if value else []


def _is_url(ckpt_path: str) -> bool:
    """Whether Lightning fetches the checkpoint."""
    return "://" in ckpt_path
