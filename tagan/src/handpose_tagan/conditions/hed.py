"""Holistically-nested edge detection (Xie & Tu 2015): the edge detector of the thesis, with weights from a file."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.errors import HandposeError
from handpose_core.io.foreign import refuse_foreign

_STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
_MEAN_BGR = (104.00698793, 116.66876762, 122.67891434)
"""Of Caffe's VGG, in 0..255."""
_NAMES = ("One", "Two", "Thr", "Fou", "Fiv")
_PREFIXES = ("module", "net")
_KEYS = "netVggOne.0.weight … netScoreFiv.bias, netCombine.0.weight, as PyTorch conversions of the authors' model have"


class HEDNetwork(nn.Module):
    """Edges as people draw them, from a VGG-16 with a map after each of its five stages, and one of all five.

    Args:
        weights: path of a state dict with the names of the PyTorch conversions of the authors' Caffe model; None keeps
            random weights.

    Raises:
        HandposeError: the file is missing or holds something else.
    """

    def __init__(self, weights: str | None) -> None:
        super().__init__()
        width = 3
        for (channels, count), name in zip(_STAGES, _NAMES, strict=True):
            layers: list[nn.Module] = [] if name == "One" else [nn.MaxPool2d(2)]
            for _ in range(count):
                layers += [nn.Conv2d(width, channels, 3, padding=1), nn.ReLU()]
                width = channels
            self.add_module(f"netVgg{name}", nn.Sequential(*layers))
            self.add_module(f"netScore{name}", nn.Conv2d(width, 1, 1))
        self.netCombine = nn.Sequential(nn.Conv2d(len(_STAGES), 1, 1), nn.Sigmoid())
        self.register_buffer("mean", torch.tensor(_MEAN_BGR).view(1, 3, 1, 1), persistent=False)
        if weights is not None:
            self._take(Path(weights))
        self.requires_grad_(False).eval()

    def forward(self, image: Float[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch 1 h w"]:
        """Edges of RGB images in [0, 1]."""
        features = image.flip(1) * 255 - self.get_buffer("mean")
        maps = []
        for name in _NAMES:
            features = self.get_submodule(f"netVgg{name}")(features)
            score = self.get_submodule(f"netScore{name}")(features)
            maps.append(F.interpolate(score, size=image.shape[-2:], mode="bilinear", align_corners=False))
        edges: Tensor = self.netCombine(torch.cat(maps, dim=1))
        return edges

    def _take(self, path: Path) -> None:
        given = _read(path)
        own = self.state_dict()
        for name, tensor in own.items():
            found = given.get(name)
            if found is None or found.shape != tensor.shape:
                raise HandposeError(
                    f"HED weights {path}, {name}",
                    "no such tensor" if found is None else f"a tensor of {tuple(found.shape)}",
                    f"one of {tuple(tensor.shape)}, among {_KEYS}",
                    "Get the weights of HED on BSDS500, converted for PyTorch, or use Sobel, which needs none.",
                )
        self.load_state_dict({name: given[name] for name in own})


def _read(path: Path) -> dict[str, Tensor]:
    """A state dict, its names as this module has them."""
    try:
        given = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, zipfile and pickle raise many kinds on other files
        refuse_foreign(path, f"a state dict with {_KEYS}", f"HED weights {path}", zipped=True)
        found = "no such file" if not path.is_file() else f"a file that torch does not read ({type(error).__name__})"
        raise HandposeError(f"HED weights {path}", found, f"a state dict with {_KEYS}", "Check the path.") from error
    if not isinstance(given, dict) or not all(isinstance(tensor, Tensor) for tensor in given.values()):
        raise HandposeError(
            f"HED weights {path}", "something else than tensors by name", f"a state dict with {_KEYS}", "Save that."
        )
    return {name.replace(*_PREFIXES, 1): tensor for name, tensor in given.items()}
