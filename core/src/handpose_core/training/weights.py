"""Starting from another training's weights: ``fit --init_from CKPT``."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from handpose_core.errors import HandposeError
from handpose_core.io.checkpoint_parts import read_tensors


@dataclass(frozen=True)
class Taken:
    """What came out of a checkpoint.

    Args:
        path: the checkpoint.
        taken: tensors loaded, by name.
        fresh: tensors of the module that the checkpoint lacks.
        left_out: tensors of the checkpoint that the module lacks.
    """

    path: Path
    taken: tuple[str, ...]
    fresh: tuple[str, ...]
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        """One line, the tensors counted by their first-level modules."""
        return (
            f"weights: {len(self.taken)} of {len(self.taken) + len(self.fresh)} tensors from {self.path}; "
            f"fresh: {_by_module(self.fresh)}; left out: {_by_module(self.left_out)}"
        )


def take_weights(module: nn.Module, path: Path) -> Taken:
    """Load a checkpoint's parameters and buffers into a module by name; stages add networks, so names may be missing.

    Args:
        module: freshly built; changed in place.
        path: a checkpoint that `check_checkpoint` has passed.

    Raises:
        HandposeError: a tensor has another shape, or there is none in common.
    """
    given: dict[str, Tensor] = read_tensors(path)["state_dict"]
    own: dict[str, Any] = module.state_dict()
    shared = shared_names(shapes_of(own), shapes_of(given), f"--init_from {path}")
    module.load_state_dict({name: given[name] for name in shared}, strict=False)
    return Taken(
        path,
        tuple(shared),
        tuple(name for name in own if name not in given),
        tuple(name for name in given if name not in own),
    )


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    """Return the shapes of tensors by name.

    Args:
        tensors: Of a state dict.

    Returns:
        Their shapes.
    """
    return {name: tensor.shape for name, tensor in tensors.items()}


def shared_names(own: Mapping[str, torch.Size], given: Mapping[str, torch.Size], where: str) -> list[str]:
    """Return the names of the tensors that a module takes from earlier weights.

    Args:
        own: Shapes of the module's tensors.
        given: Shapes of the earlier weights.
        where: Where these come from, for the message.

    Returns:
        The names that both have.

    Raises:
        HandposeError: A tensor has another shape, or there is none in common.
    """
    shared = [name for name in own if name in given]
    if not shared:
        raise HandposeError(
            where,
            f"none of the module's {len(own)} tensors, but {_by_module(list(given))}",
            f"some of {_by_module(list(own))}",
            "Take a checkpoint of an earlier stage of this method.",
        )
    for name in shared:
        if own[name] != given[name]:
            raise HandposeError(
                f"{where}, {name}",
                f"a tensor of {_size(given[name])}",
                f"{_size(own[name])}, as the module was built",
                "Give this training the sizes (--model.*) that the earlier one had.",
            )
    return shared


def _by_module(names: Collection[str]) -> str:
    counts = Counter(name.partition(".")[0] for name in names)
    return ", ".join(f"{module} ({count})" for module, count in counts.items()) or "none"


def _size(shape: torch.Size) -> str:
    return "x".join(map(str, shape)) or "one number"
