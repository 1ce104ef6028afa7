"""Where a run logs: a CSV file always, and Weights & Biases beside it, offline without a login."""

import logging
import netrc
import os
from pathlib import Path
from urllib.parse import urlsplit

import wandb
from pytorch_lightning.loggers import CSVLogger, WandbLogger

PROJECT = "handpose"


def silence_advertisement() -> None:
    """Keep Lightning from recommending another logger at every start."""
    logging.getLogger("pytorch_lightning.utilities.rank_zero").addFilter(_is_no_advertisement)


def _is_no_advertisement(record: logging.LogRecord) -> bool:
    return "litlogger" not in record.getMessage()


def csv_logger(stage_dir: Path) -> CSVLogger:
    """Writes ``<stage_dir>/metrics.csv``, and has Lightning put checkpoints into ``<stage_dir>/checkpoints``."""
    return CSVLogger(stage_dir.parent, name="", version=stage_dir.name)


def wandb_logger(run_dir: Path, method: str) -> WandbLogger:
    """Logs to W&B, into ``<run_dir>/wandb``; offline without a login, unless ``WANDB_MODE`` says otherwise."""
    mode = os.environ.get("WANDB_MODE")
    offline = not has_wandb_login() if mode is None else mode != "online"
    return WandbLogger(
        name=f"{method}/{run_dir.parent.name}/{run_dir.name}",
        save_dir=run_dir,
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        group=method,
        offline=offline,
        # offline there is nothing to tell but `close`'s one line; WANDB_MODE itself outranks `offline`
        settings=wandb.Settings(silent=offline, console="off"),
    )


def has_wandb_login() -> bool:
    """Whether an API key is at hand: ``WANDB_API_KEY``, or what ``wandb login`` leaves in the netrc file."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    path = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    try:
        return netrc.netrc(path).authenticators(host) is not None
    except (FileNotFoundError, netrc.NetrcParseError):
        return False


def close() -> None:
    """End the W&B run, if there is one, so that all of it is on disk and its service can end."""
    run = wandb.run
    if run is None:
        return
    run.finish()
    if run.offline:
        print(f"W&B: logged offline; to send it: wandb sync {Path(run.dir).parent}")
