"""Optical flow between two frames, forward and backward, behind one interface.

Flow (u, v) in px at a pixel of the first image says where that point is in the second: x + u, y + v.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor, nn

from handpose_core.errors import HandposeError
from handpose_core.io.foreign import refuse_foreign

_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


class Flow(ABC):
    """Estimates where the points of one image are in another."""

    @abstractmethod
    def estimate(
        self, first: Float[Tensor, "batch 3 h w"], second: Float[Tensor, "batch 3 h2 w2"]
    ) -> Float[Tensor, "batch 2 h w"]:
        """Flow from the first images to the second, px, without gradients, on their device.

        Args:
            first: RGB in [0, 1].
            second: of the same size.
        """

    def both_ways(
        self, first: Float[Tensor, "batch 3 h w"], second: Float[Tensor, "batch 3 h2 w2"]
    ) -> tuple[Float[Tensor, "batch 2 h w"], Float[Tensor, "batch 2 h w"]]:
        """Flow from the first images to the second, and back: what a clip read in reverse needs."""
        if first.shape != second.shape:
            raise HandposeError(
                "optical flow", f"frames of {tuple(first.shape)} and {tuple(second.shape)}", "frames of one size",
                "Crop the clip's frames to one size.",
            )  # fmt: skip
        ahead, back = self.estimate(torch.cat([first, second]), torch.cat([second, first])).chunk(2)
        return ahead, back


@dataclass(frozen=True)
class DISFlow(Flow):
    """Dense inverse search (Kroeger et al. 2016) as OpenCV has it: on the CPU, without weights.

    Args:
        preset: "ultrafast", "fast" or "medium"; slower is better.

    Raises:
        HandposeError: there is no such preset.
    """

    preset: str = "medium"

    def __post_init__(self) -> None:
        if self.preset not in _PRESETS:
            raise HandposeError(
                "DISFlow.preset", repr(self.preset), f"one of {', '.join(_PRESETS)}", "Choose one of them."
            )

    def estimate(
        self, first: Float[Tensor, "batch 3 h w"], second: Float[Tensor, "batch 3 h2 w2"]
    ) -> Float[Tensor, "batch 2 h w"]:
        """Flow between images of at least 16 x 16 pixels; see `Flow`.

        Raises:
            HandposeError: the images are smaller, or not of one size.
        """
        if min(first.shape[-2:]) < 16 or first.shape != second.shape:
            raise HandposeError(
                "optical flow", f"images of {tuple(first.shape)} and {tuple(second.shape)}",
                "two of one size, at least 16 x 16 pixels", "Take larger crops.",
            )  # fmt: skip
        # made anew: it holds memory of the last size, and cannot be sent to loaders' processes
        search = cv2.DISOpticalFlow.create(_PRESETS[self.preset])
        pairs = zip(_grey(first), _grey(second), strict=True)
        flows = np.stack([search.calc(one, other, np.zeros((*one.shape, 2), np.float32)) for one, other in pairs])
        return torch.from_numpy(flows).permute(0, 3, 1, 2).contiguous().to(first.device)


class NetworkFlow(Flow):
    """A network of one's own, such as RAFT or FlowNet, saved by `torch.jit.save` (.pt) or `torch.export.save` (.pt2).

    It takes two batches of images and gives their flow in px, (batch, 2, h, w) at their size; of a list or tuple, as
    RAFT gives one for every iteration, the last counts. Scaling and padding that a network needs are part of the file.

    Args:
        path: the file. An exported program has the shapes it was exported with.
        low: what black is to the network.
        high: what white is to it: RAFT of torchvision takes -1 and 1, the original 0 and 255.

    Raises:
        HandposeError: there is no such file, or it is neither of the two.
    """

    def __init__(self, path: str | Path, low: float = -1.0, high: float = 1.0) -> None:
        self.path, self.low, self.high = Path(path), low, high
        self._network = _load(self.path)

    @torch.no_grad()
    def estimate(
        self, first: Float[Tensor, "batch 3 h w"], second: Float[Tensor, "batch 3 h2 w2"]
    ) -> Float[Tensor, "batch 2 h w"]:
        """The network's flow; see `Flow`.

        Raises:
            HandposeError: the network refuses images of this size, or gives something else than their flow.
        """
        scaled = (image * (self.high - self.low) + self.low for image in (first, second))
        network = self._network.to(first.device)
        try:
            given = network(*scaled)
        except Exception as error:  # torch raises many kinds here
            raise HandposeError(
                str(self.path), f"a failure on images of {tuple(first.shape)}: {_first_line(error)}",
                "a network that takes two such batches", "Save it for this size, or change the crops' size.",
            ) from error  # fmt: skip
        flow = given[-1] if isinstance(given, list | tuple) and given else given
        expected = (len(first), 2, *first.shape[-2:])
        if not isinstance(flow, Tensor) or tuple(flow.shape) != expected or not flow.is_floating_point():
            found = f"shape {tuple(flow.shape)}, {flow.dtype}" if isinstance(flow, Tensor) else type(flow).__name__
            raise HandposeError(
                str(self.path), f"an output of {found}", f"floats of shape {expected}",
                "Save a network that gives flow in px at the size of its images.",
            )  # fmt: skip
        return flow.to(first.dtype)


def _grey(images: Float[Tensor, "batch 3 h w"]) -> list[UInt8[ndarray, "h w"]]:
    pixels = (images.detach().float().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return [cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY) for image in pixels]


def _load(path: Path) -> nn.Module:
    if not path.is_file():
        raise HandposeError(
            str(path), "no such file", "a flow network saved by torch.jit.save or torch.export.save",
            "Check the path, or use DISFlow, which needs none.",
        )  # fmt: skip
    try:
        if path.suffix == ".pt2":
            return torch.export.load(str(path)).module()
        network: nn.Module = torch.jit.load(str(path), map_location="cpu")
    except Exception as error:  # torch raises many kinds here
        refuse_foreign(path, "a network saved by torch.jit.save or torch.export.save", zipped=True)
        raise HandposeError(
            str(path), f"a file that torch does not load: {_first_line(error)}",
            "a whole network (.pt of torch.jit.save, .pt2 of torch.export.save), not a state_dict",
            "Trace or export the network with its weights, and give that file.",
        ) from error  # fmt: skip
    return network.eval()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
