"""Hands posed before their cameras, and pictures of them, as batches of tensors: the two sides of rendering."""

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from handpose_core.hand import Side
from handpose_core.render import Illumination, Surface
from handpose_core.synth.scene import Camera


@dataclass(frozen=True)
class PosedScenes:
    """Hold all that a device needs to render scenes whose hands have one rig and one side; nothing is left to draw.

    Attributes:
        side: Of all hands.
        vertices: Of hand and arm, mm, camera frame; the rig's own come first.
        joints_3d: mm, camera frame.
        joints_2d: px.
        K: Intrinsics, px.
        to_light: Rotation from the camera's frame to the one that the light is given in.
        grain: Coordinates of the vertices on the tile of the skin's texture.
        surface: Albedo and gloss; of the first hand alone where all hands and lights are the same.
        light: Of every picture.
        background: sRGB in 0..1.
        noise: Standard normal, for the cameras' sensors.
        cameras: One a picture.
    """

    side: Side
    vertices: Float[Tensor, "batch v 3"]
    joints_3d: Float[Tensor, "batch 21 3"]
    joints_2d: Float[Tensor, "batch 21 2"]
    K: Float[Tensor, "batch 3 3"]
    to_light: Float[Tensor, "batch 3 3"]
    grain: Float[Tensor, "batch v 2"]
    surface: Surface
    light: Illumination
    background: Float[Tensor, "batch 3 h w"]
    noise: Float[Tensor, "batch 3 h w"]
    cameras: tuple[Camera, ...]

    def to(self, device: torch.device) -> "PosedScenes":
        """Return the same on another device.

        Args:
            device: Where the pictures shall be rendered.

        Returns:
            Scenes whose tensors, but for the cameras' few numbers, are there.
        """
        return _moved(self, device)


@dataclass(frozen=True)
class Pictures:
    """Hold rendered pictures with their labels, on the device that rendered them.

    Attributes:
        colour: RGB as the cameras took it.
        depth: mm along the optical axis, without a sensor's errors; `handpose_core.synth.frame.FAR` behind everything.
        segments: As `handpose_core.synth.frame` numbers them.
        coverage: Share of each pixel that hand and arm cover.
        joints_2d: px.
        joints_3d: mm, camera frame.
        visible: Joints under the surface that is seen at their pixels.
        vertices: Of the hand, mm, camera frame.
        K: Intrinsics, px.
    """

    colour: UInt8[Tensor, "batch 3 h w"]
    depth: Float[Tensor, "batch h w"]
    segments: UInt8[Tensor, "batch h w"]
    coverage: Float[Tensor, "batch h w"]
    joints_2d: Float[Tensor, "batch 21 2"]
    joints_3d: Float[Tensor, "batch 21 3"]
    visible: Bool[Tensor, "batch 21"]
    vertices: Float[Tensor, "batch v 3"]
    K: Float[Tensor, "batch 3 3"]


_Part = TypeVar("_Part", PosedScenes, Surface, Illumination)


def _moved(part: _Part, device: torch.device) -> _Part:
    """A dataclass of tensors, and of dataclasses of tensors, on a device."""
    values: dict[str, Any] = {}
    for field in fields(part):  # type: ignore[arg-type]
        value = getattr(part, field.name)
        if isinstance(value, Tensor):
            values[field.name] = value.to(device)
        elif is_dataclass(value):
            values[field.name] = _moved(value, device)  # type: ignore[type-var]
    return replace(part, **values)  # type: ignore[type-var]
