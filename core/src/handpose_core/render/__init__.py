"""The batched renderer in PyTorch: z-buffer and shading; the same code on CPU and CUDA."""

from handpose_core.render.image import Rendered, render
from handpose_core.render.rasterise import Fragments, rasterise
from handpose_core.render.shading import Lights, Surface, vertex_normals

__all__ = ["Fragments", "Lights", "Rendered", "Surface", "rasterise", "render", "vertex_normals"]
