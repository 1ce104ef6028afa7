"""The batched renderer in PyTorch: z-buffer and shading; the same code on CPU and CUDA."""

from handpose_core.render.environment import Environment
from handpose_core.render.image import Grain, Occluders, Rendered, render
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
    "Rendered",
    "Silhouette",
    "SoftSilhouette",
    "Surface",
    "coverage_pyramid",
    "pyramid_loss",
    "rasterise",
    "render",
]
