"""What a checkpoint says of itself: that it is one, which method wrote it, and what its weights were trained on."""

import pickle
import re
from pathlib import Path
from typing import Any

from handpose_core.errors import HandposeError
from handpose_core.io.checkpoint_parts import read_tensors
from handpose_core.io.foreign import refuse_foreign

CLASS_KEY = "handpose_class"
"""Under this key a checkpoint holds the path of the class that wrote it, ``module.Class``."""
HISTORY_KEY = "handpose_history"
"""Under this key a checkpoint holds what its weights were trained on, training by training."""
INITIAL_WEIGHTS = "initial_weights"
"""In the first chapter of a history: the name of the weights that a backbone began with."""

_MISSING_CLASS = re.compile(r"GLOBAL (?P<name>handpose_\w+(?:\.\w+)+)")
_EARLIER = "Use it with the version that wrote it, or train again with this one."
_CROP = re.compile(r" x (?P<scale>[0-9.]+), resized to (?P<size>[0-9]+) px$")


def class_path(model_class: type[Any]) -> str:
    """``module.Class``, as checkpoints record it."""
    return f"{model_class.__module__}.{model_class.__qualname__}"


def check_checkpoint(path: Path, model_class: type[Any], option: str = "--ckpt_path") -> None:
    """Check that a class wrote a checkpoint, with the options that it has in this version.

    Args:
        path: The checkpoint.
        model_class: The class; its ``earlier_options`` are names of options that it had in earlier versions.
        option: The option that names the checkpoint, for messages.

    Raises:
        HandposeError: The file is missing, is not a checkpoint, or belongs to another method or an earlier version.
    """
    where = f"{option} {path}"
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "no such file"
        raise HandposeError(where, kind, "a checkpoint's file", "They lie in <run folder>/fit/checkpoints.")
    try:
        checkpoint = read_tensors(path)
    except (RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        refuse_foreign(path, "a checkpoint written by handpose", where, zipped=True)
        missing = _MISSING_CLASS.search(str(error))
        if missing:
            raise HandposeError(
                where, f"{missing['name']}, which no installed package has", "a checkpoint of the installed version",
                _EARLIER,
            ) from error  # fmt: skip
        reason = str(error).strip().splitlines()
        raise HandposeError(
            where,
            f"a file that cannot be read ({reason[0] if reason else type(error).__name__})",
            "a checkpoint written by handpose",
            "Copy it again, or take another one: it is truncated or something else.",
        ) from error
    found = checkpoint.get(CLASS_KEY) if isinstance(checkpoint, dict) else None
    expected = class_path(model_class)
    if found != expected:
        raise HandposeError(
            where,
            f"a checkpoint of {found}" if found else "no record of the method that wrote it",
            f"one of {expected}",
            "Run it with the method that wrote it.",
        )
    gone: frozenset[str] = getattr(model_class, "earlier_options", frozenset())
    earlier = gone & set(checkpoint.get("hyper_parameters", {}))
    if earlier:
        raise HandposeError(
            where, f"options of an earlier version: {', '.join(sorted(earlier))}", "a checkpoint of this version",
            _EARLIER,
        )  # fmt: skip


def read_history(path: Path) -> list[dict[str, str]]:
    """What the weights of a checkpoint that `check_checkpoint` has passed were trained on; empty if unknown."""
    checkpoint = read_tensors(path)
    history: list[dict[str, str]] = checkpoint.get(HISTORY_KEY, [])
    return history


def framing_of(trained_on: list[dict[str, str]]) -> tuple[int, float] | None:
    """Size and scale of the crops of the last training, as datamodules describe them; None where it does not say."""
    found = [_CROP.search(chapter.get("crop", "")) for chapter in trained_on]
    last = next((match for match in reversed(found) if match), None)
    return (int(last["size"]), float(last["scale"])) if last else None


def saw_all_of(trained_on: list[dict[str, str]], data: dict[str, str]) -> bool:
    """Return whether a training read the very samples that ``data`` describes, such as a folder without a split.

    Args:
        trained_on: The history of the weights, training by training.
        data: The description of the data that the weights are tested on.

    Returns:
        True where a chapter has the same dataset, with as many frames where both say how many.
    """
    named, frames = data.get("dataset"), data.get("frames")
    return named is not None and any(
        named in chapter.get("dataset", "").split(" + ") and chapter.get("frames", frames) == frames
        for chapter in trained_on
    )


def find_in_run(run_dir: Path, kind: str, option: str = "--ckpt_path") -> Path:
    """Return the checkpoint of a run to take where only ``last`` or ``best`` is asked for.

    A run's trainings ``fit``, ``fit_2``, ... are in the order of their numbers: copying a run changes the times of
    its files.

    Args:
        run_dir: the run's folder.
        kind: ``last`` for that of the latest training, ``best`` for that with the best validation metric of all.
        option: the option that asks for it, for the error.

    Returns:
        The checkpoint's file; the latest training's, too, where the metrics of the best ones cannot be compared.

    Raises:
        HandposeError: the run has none.
    """
    found = sorted(run_dir.glob(f"fit*/checkpoints/{kind}.ckpt"), key=_number_of_training)
    if not found:
        others = sorted(str(path) for path in run_dir.rglob("*.ckpt"))
        raise HandposeError(
            f"{option} {kind}, --run_dir {run_dir}",
            f"no fit*/checkpoints/{kind}.ckpt in it" if run_dir.is_dir() else "no such folder",
            f"the folder of a run with a {kind} checkpoint",
            f"Name the file: {option} {others[-1]}" if others else "Check the folder's name.",
        )
    if kind == "best" and len(found) > 1:
        scores = [_score(path) for path in found]
        known = [score for score in scores if score is not None]
        if len(known) == len(found) and len({monitor for monitor, _ in known}) == 1:
            return min(zip(known, found, strict=True), key=lambda one: one[0][1])[1]
    return found[-1]


def _number_of_training(path: Path) -> tuple[int, str]:
    """Return the order of a checkpoint in its run: 2 of ``fit_2/checkpoints/last.ckpt``, 1 of ``fit``'s."""
    name = path.parts[-3]
    number = name.rpartition("_")[2]
    return int(number) if number.isdecimal() else 1, name


def _score(path: Path) -> tuple[str, float] | None:
    """Return the metric by which a checkpoint was the best, and its value, negative where more is better."""
    try:
        callbacks = read_tensors(path)["callbacks"]
    except (HandposeError, OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError, pickle.UnpicklingError):
        return None
    states = ((name, state) for name, state in callbacks.items() if name.startswith("ModelCheckpoint"))
    for name, state in states:
        if state.get("monitor") and state.get("best_model_score") is not None:
            sign = -1.0 if "'mode': 'max'" in name else 1.0
            return state["monitor"], sign * float(state["best_model_score"])
    return None
