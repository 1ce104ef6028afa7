"""Validation of the trainer's options that Lightning accepts, and that train, test or keep nothing."""

from typing import Any

from handpose_core.errors import HandposeError

_LIMITS = {
    "fit": "limit_train_batches",
    "validate": "limit_val_batches",
    "test": "limit_test_batches",
    "predict": "limit_predict_batches",
}
_LARGEST_SEED = 2**32 - 1  # NumPy's


def check_trainer_options(subcommand: str, options: Any) -> None:
    """Refuse options with which a subcommand would end at once, or leave no best checkpoint.

    Args:
        subcommand: ``fit``, ``validate``, ``test`` or ``predict``.
        options: its parsed options.

    Raises:
        HandposeError: an option's value leaves nothing to do.
    """
    trainer, seed = options.trainer, options.get("seed_everything")
    if seed is not None and not isinstance(seed, bool) and not 0 <= seed <= _LARGEST_SEED:
        raise _refused("--seed_everything", seed, f"0 to {_LARGEST_SEED}")
    limit = _LIMITS[subcommand]
    if trainer[limit] is not None and trainer[limit] <= 0:
        raise _refused(f"--trainer.{limit}", trainer[limit], "a number of batches of at least 1, or a share above 0")
    if subcommand != "fit":
        return
    for name in ("max_epochs", "max_steps"):
        if trainer[name] == 0:
            raise _refused(f"--trainer.{name}", 0, "at least 1, or -1 for no limit")
    for name in ("check_val_every_n_epoch", "val_check_interval"):
        if isinstance(trainer[name], int | float) and trainer[name] <= 0:
            raise _refused(f"--trainer.{name}", trainer[name], "a number above 0")
    if trainer.accumulate_grad_batches < 1:
        raise _refused("--trainer.accumulate_grad_batches", trainer.accumulate_grad_batches, "at least 1")
    if isinstance(trainer.max_time, str) and not trainer.max_time.strip("0: "):
        raise _refused("--trainer.max_time", trainer.max_time, "a time above 0, as DD:HH:MM:SS")
    if trainer.gradient_clip_val is not None and trainer.gradient_clip_val < 0:
        raise _refused("--trainer.gradient_clip_val", trainer.gradient_clip_val, "a number of at least 0")
    monitor = options.checkpoint.monitor
    checkpoints = trainer.enable_checkpointing is not False and not trainer.fast_dev_run
    unvalidated = trainer.limit_val_batches is not None and trainer.limit_val_batches <= 0
    if unvalidated and checkpoints and monitor and monitor.startswith("val/"):
        raise HandposeError(
            f"--trainer.limit_val_batches {trainer.limit_val_batches}",
            f"no validation, by which --checkpoint.monitor {monitor} chooses the best checkpoint",
            "at least one batch, or no monitor",
            "Leave the limit out, or keep the last checkpoint alone: --checkpoint.monitor null",
        )


def _refused(option: str, value: Any, expected: str) -> HandposeError:
    return HandposeError(option, str(value), expected, "Change or leave out the option.")
