"""Where a run logs: a CSV file always, and Weights & Biases beside it, offline without a login."""

import logging
import netrc
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import wandb
from pytorch_lightning.loggers import CSVLogger, WandbLogger

from handpose_core.errors import HandposeError

PROJECT = "handpose"
_OFFLINE, _ONLINE = ("offline", "dryrun"), ("online", "run", "shared")  # W&B's own names, some of them old
_INIT_TIMEOUT = 15.0  # s; wandb's own is 90, and a training without a network should begin


def silence_advertisement() -> None:
    """Keep Lightning from recommending other products at every start."""
    logging.getLogger("pytorch_lightning.utilities.rank_zero").addFilter(_is_no_advertisement)


def _is_no_advertisement(record: logging.LogRecord) -> bool:
    return not any(product in record.getMessage() for product in ("litlogger", "litmodels"))


def csv_logger(stage_dir: Path) -> CSVLogger:
    """Writes ``<stage_dir>/metrics.csv``, and has Lightning put checkpoints into ``<stage_dir>/checkpoints``."""
    return CSVLogger(stage_dir.parent, name="", version=stage_dir.name)


class OfflineFallbackLogger(WandbLogger):
    """Log to W&B, offline where its server is not reached or refuses the login."""

    @classmethod
    def of(cls, logger: WandbLogger) -> "OfflineFallbackLogger":
        """Make one with the options of a logger of Lightning's that has not begun its run."""
        made = cls.__new__(cls)
        made.__dict__ |= logger.__dict__
        made._wandb_init = dict(logger._wandb_init)
        if made._wandb_init.get("settings") is None:
            made._wandb_init["settings"] = _settings(logger._offline)
        made._wandb_init.pop("anonymous", None)  # Lightning passes it on, wandb warns of it
        if logger._offline:
            made._wandb_init["mode"] = "offline"  # the environment, which Lightning sets, is read once a process
        return made

    @property
    def experiment(self) -> Any:
        """The W&B run, begun when it is asked for the first time."""
        try:
            return super().experiment
        except (wandb.Error, ValueError, OSError) as error:
            if self._offline:
                raise
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            print(f"note: W&B cannot be reached or refuses the login ({reason}); this run is logged offline")
            self._offline = True
            self._wandb_init |= {"mode": "offline", "settings": _settings(offline=True)}
            return super().experiment


def wandb_logger(run_dir: Path, method: str) -> WandbLogger | None:
    """Make the logger to W&B, into ``<run_dir>/wandb``.

    Args:
        run_dir: the run's folder.
        method: the method's name, which groups runs.

    Returns:
        The logger, offline without a login unless ``WANDB_MODE`` says otherwise; None where W&B is disabled
        (``WANDB_MODE=disabled`` or ``WANDB_DISABLED=true``).

    Raises:
        HandposeError: ``WANDB_MODE`` is none of W&B's modes.
    """
    mode = os.environ.get("WANDB_MODE", "").strip().lower()
    if mode == "disabled" or os.environ.get("WANDB_DISABLED", "").strip().lower() in ("true", "1", "yes"):
        return None
    if mode not in ("", *_OFFLINE, *_ONLINE):
        raise HandposeError(
            "WANDB_MODE", f"'{mode}'", "online, offline or disabled", "Set one of these, or unset the variable."
        )
    offline = mode in _OFFLINE if mode else not has_wandb_login()
    logger = WandbLogger(
        name=f"{method}/{run_dir.parent.name}/{run_dir.name}",
        save_dir=run_dir.absolute(),  # wandb's process may have another working folder
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        group=method,
        offline=offline,
    )
    return OfflineFallbackLogger.of(logger)


def _settings(offline: bool) -> wandb.Settings:
    """Return W&B's settings; offline there is nothing to print but the one line of `close`."""
    settings = wandb.Settings(silent=offline, console="off")
    if "WANDB_INIT_TIMEOUT" not in os.environ:
        settings.init_timeout = _INIT_TIMEOUT
    return settings


def has_wandb_login() -> bool:
    """Whether an API key is at hand: ``WANDB_API_KEY``, or what ``wandb login`` leaves in the netrc file."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL") or wandb.Settings().base_url).hostname or ""
    path = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    try:
        return netrc.netrc(path).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def close() -> None:
    """End the W&B run, if there is one, so that all of it is on disk and its service can end."""
    run = wandb.run
    if run is None:
        return
    run.finish()
    if run.offline:
        folder = Path(run.dir).parent.absolute()
        shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
        print(f"W&B: logged offline; to send it: wandb sync {shown}")
