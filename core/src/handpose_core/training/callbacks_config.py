"""The configuration of a run, saved so that it can be used for another one."""

from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.cli import LightningArgumentParser, SaveConfigCallback

from handpose_core.io import atomic


class SavedConfig(SaveConfigCallback):
    """Save ``config.yaml`` beside the run's log, without the places that belong to this run alone.

    ``run_dir``, ``ckpt_path`` and folders of checkpoints within the run are left out: another run with this
    configuration would write into this one's folder, or go on with its training.

    Args:
        parser: the parser of the subcommand.
        config: its parsed options.
        options: see Lightning's callback.
    """

    def __init__(self, parser: LightningArgumentParser, config: Any, **options: Any) -> None:
        saved = config.clone()
        run_dir = saved.run_dir
        saved.run_dir = saved.ckpt_path = None
        for callback in (saved.checkpoint, saved.last_checkpoint):
            if run_dir and callback.dirpath and Path(callback.dirpath).resolve().is_relative_to(run_dir.resolve()):
                callback.dirpath = None
        super().__init__(parser, saved, save_to_log_dir=False, **options)

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the file, in UTF-8; Lightning's own takes the locale's encoding. Called in the first process alone."""
        folder = next((logger.log_dir for logger in trainer.loggers if logger.log_dir), None)
        if folder is not None:
            atomic.write_text(Path(folder) / self.config_filename, self.parser.dump(self.config, skip_none=False))
