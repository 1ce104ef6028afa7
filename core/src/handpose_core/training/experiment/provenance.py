"""Worlds that weights have seen, from the history that checkpoints and packed models carry; which of them may start.

A table compares rows on the target world's twins, which stand in for real data. Weights that have seen the target world
start no row there; the estimator that comes with the suite, which has seen both worlds, starts no row of any table.
"""

import json
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from handpose_core.datasets.world import SOURCE, TARGET, UNKNOWN, split_worlds
from handpose_core.errors import HandposeError
from handpose_core.io.checkpoint_parts import read_tensors
from handpose_core.nn.backbones.weights import packed_path
from handpose_core.predict.info import METADATA_KEY
from handpose_core.predict.shipped import SHIPPED
from handpose_core.training.checkpoints import HISTORY_KEY, INITIAL_WEIGHTS

History = Sequence[Mapping[str, str]]
SHIPPED_WEIGHTS = "shipped"
#: Worlds that the weights with a name have seen.
_OF_NAMES: Mapping[str, frozenset[str]] = {
    "imagenet": frozenset(), "source": frozenset({SOURCE}), SHIPPED_WEIGHTS: frozenset({SOURCE, TARGET}),
}  # fmt: skip
_WORLD = "world"
_PATHS = ("init_from", "ckpt_path")
_NAMES = "backbone_weights"
_FIX = "Start from backbone_weights imagenet or source, or from weights of the source world alone."


@dataclass(frozen=True)
class Start:
    """Weights that a training begins from.

    Attributes:
        where: The option and its value.
        worlds: Worlds that the weights have seen, `UNKNOWN` among them where a training does not record its own.
        shipped: Whether the weights are, or descend from, the estimator that comes with the suite.
    """

    where: str
    worlds: frozenset[str]
    shipped: bool = False


def worlds_seen(history: History) -> frozenset[str]:
    """Return the worlds that weights with a history have seen.

    Args:
        history: What the weights were trained on, training by training.

    Returns:
        The worlds; `UNKNOWN` among them for an empty history, and for a training that does not record its world.
    """
    if not history:
        return frozenset({UNKNOWN})
    return frozenset[str]().union(*map(_worlds_of, history))


def start_of(where: str, history: History) -> Start:
    """Describe weights with a history as a start.

    Args:
        where: The option and its value, for messages.
        history: What the weights were trained on, training by training.

    Returns:
        The start.
    """
    return Start(where, worlds_seen(history), any(dict(chapter) in _shipped_chapters() for chapter in history))


def starts_of(options: Mapping[str, Any]) -> list[Start]:
    """Find the weights that a training begins from in its parsed options.

    Args:
        options: Of ``fit``, as nested mappings.

    Returns:
        A start for each of ``init_from``, ``ckpt_path`` and the names of ``backbone_weights``.

    Raises:
        HandposeError: A file of weights cannot be read.
    """
    given = [(name, options.get(name)) for name in _PATHS]
    paths = [start_of_file(Path(str(path)), f"--{name}") for name, path in given if path]
    names = [(where, name) for where, name in _values(options.get("model"), "--model") if name in _OF_NAMES]
    return [*paths, *(Start(f"{where} {name}", _OF_NAMES[name], name == SHIPPED_WEIGHTS) for where, name in names)]


def start_of_file(path: Path, option: str) -> Start:
    """Describe a checkpoint or a packed model as a start.

    Args:
        path: A checkpoint, or a ``.safetensors`` file of ``handpose onehand pack``.
        option: By which it was given, for messages.

    Returns:
        The start.

    Raises:
        HandposeError: The file cannot be read.
    """
    where = f"{option} {path}"
    try:
        packed = path.suffix == ".safetensors"
        history: History = _packed_history(path) if packed else read_tensors(path).get(HISTORY_KEY, [])
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, SafetensorError, pickle.UnpicklingError) as error:
        raise HandposeError(
            where, f"a file that cannot be read ({error})", "a checkpoint or a packed model", "Check the path."
        ) from error
    return start_of(where, history)


def refuse_start(start: Start, tested: str | None) -> None:
    """Refuse weights that must not start a row of a table.

    Args:
        start: The weights.
        tested: The world of the twin that the row is tested on; None for real data.

    Raises:
        HandposeError: The weights are the shipped estimator's, have seen the world that is tested on, or do not say.
    """
    if start.shipped:
        raise HandposeError(
            start.where, "weights of the estimator that comes with the suite, which has seen the target world",
            "weights that start rows of tables: of ImageNet or of the source world", _FIX,
        )  # fmt: skip
    if tested is not None and tested in start.worlds:
        raise HandposeError(
            start.where, f"weights that have seen the {tested} world", "weights that have not: the row is tested on it",
            _FIX,
        )  # fmt: skip
    if tested is not None and UNKNOWN in start.worlds:
        raise HandposeError(
            start.where, "weights whose history does not say which worlds they have seen",
            f"weights that have not seen the {tested} world, on which the row is tested",
            f"Train them again with this version. {_FIX}",
        )  # fmt: skip


def _worlds_of(chapter: Mapping[str, str]) -> frozenset[str]:
    """Return the worlds of one training: as recorded, or, of the suite's own packed weights, as known."""
    if dict(chapter) in _packed_chapters(packed_path("lite0")):
        return _OF_NAMES["source"]
    if dict(chapter) in _shipped_chapters():
        return _OF_NAMES[SHIPPED_WEIGHTS]
    recorded = [text for key, text in chapter.items() if key.split()[-1].rpartition(".")[2] == _WORLD]
    begun = _OF_NAMES.get(chapter.get(INITIAL_WEIGHTS, ""), frozenset())
    return begun.union(*map(split_worlds, recorded), () if _WORLD in chapter else (UNKNOWN,))


def _values(options: Any, where: str) -> Iterator[tuple[str, str]]:
    """Yield the option and the value of every name of weights in a model's options."""
    if isinstance(options, Mapping):
        for key, value in options.items():
            option = where if key == "init_args" else f"{where}.{key}"
            if key == _NAMES and isinstance(value, str):
                yield option, value
            yield from _values(value, option)


def _shipped_chapters() -> tuple[dict[str, str], ...]:
    """Return the shipped estimator's own trainings: it was trained on from the source weights."""
    before = _packed_chapters(packed_path("lite0"))
    return tuple(chapter for chapter in _packed_chapters(SHIPPED) if chapter not in before)


@lru_cache(maxsize=4)
def _packed_chapters(path: Path) -> tuple[dict[str, str], ...]:
    """Return the trainings of packed weights of the suite; none where an installation leaves the file out."""
    return tuple(dict(chapter) for chapter in _packed_history(path)) if path.is_file() else ()


def _packed_history(path: Path) -> History:
    with safe_open(path, framework="pt") as stored:
        metadata: dict[str, str] = stored.metadata() or {}
    history: History = json.loads(metadata[METADATA_KEY])["trained_on"]
    return history
