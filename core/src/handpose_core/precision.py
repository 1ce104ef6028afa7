"""Single precision for losses, metrics and geometry, whatever precision a training computes its networks in."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

_HALF = (torch.bfloat16, torch.float16)

P = ParamSpec("P")
R = TypeVar("R")


def single_precision(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that it computes in float32 or better, also under autocast.

    Autocast rounds the factors of matrix products and convolutions to half precision, even those given in float32:
    bfloat16 keeps three digits, of millimetres and pixels as of probabilities.

    Args:
        function: a function of tensors, which may lie in tuples, lists and dictionaries.

    Returns:
        The function outside autocast, with half-precision tensors among its arguments as float32.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        devices: set[str] = set()

        def single(tensor: Tensor) -> Tensor:
            devices.add(tensor.device.type)
            return tensor.float() if tensor.dtype in _HALF else tensor

        args, kwargs = tree_map_only(Tensor, single, (args, kwargs))
        return _without_autocast(sorted(devices), function, *args, **kwargs)

    return run


def _without_autocast(devices: list[str], function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function with autocast switched off on each of some types of devices."""
    under = next((device for device in devices if torch.is_autocast_enabled(device)), None)
    if under is None:
        return function(*args, **kwargs)
    with torch.autocast(under, enabled=False):
        return _without_autocast(devices, function, *args, **kwargs)
