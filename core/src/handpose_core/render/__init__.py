"""The batched renderer in PyTorch: z-buffer and shading; the same code on CPU and CUDA."""

from handpose_core.render.environment import Environment
from handpose_core.render.image import Grain, Occluders, Rendered, Shading, draw, render, shade
from handpose_core.render.painter import Painter, Sight
from handpose_core.render.rasterise import Fragments, rasterise
from handpose_core.render.shading import Illumination, Lights, Surface
from handpose_core.render.silhouette import EdgeSilhouette, Silhouette, SoftSilhouette
from handpose_core.render.silhouette_loss import coverage_pyramid, pyramid_loss

__all__ = [
    "EdgeSilhouette",
    "Environment",
    "Fragments",
    "Grain",
    "Illumination",
    "Lights",
    "Occluders",
    "Painter",
    "Rendered",
    "Shading",
    "Sight",
    "Silhouette",
    "SoftSilhouette",
    "Surface",
    "coverage_pyramid",
    "draw",
    "pyramid_loss",
    "rasterise",
    "render",
    "shade",
]
