"""The pinhole camera: projection, crops that carry K along, and 3D joints from 2D plus relative depth.

Camera frame: x right, y down, z forward, in mm. Pixels: (0, 0) is the centre of the top-left pixel,
so an image of width W spans u from -0.5 to W - 0.5.

Points are multiplied element by element: under autocast ``@`` would round them to half precision, by some mm.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from handpose_core.hand import REFERENCE_BONE, WRIST


def project(points: Float[Tensor, "*batch n 3"], K: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch n 2"]:
    """Project camera-frame points (mm) to pixels. Points at z = 0 give non-finite pixels."""
    homogeneous = _mapped(K, points)
    return homogeneous[..., :2] / homogeneous[..., 2:]


def back_project(
    pixels: Float[Tensor, "*batch n 2"], depth: Float[Tensor, "*batch n"], K: Float[Tensor, "*batch 3 3"]
) -> Float[Tensor, "*batch n 3"]:
    """Camera-frame points (mm) of pixels at a depth z (mm): ``K⁻¹ (u z, v z, z)``."""
    rays = torch.cat([pixels, torch.ones_like(pixels[..., :1])], dim=-1)
    return _mapped(torch.linalg.inv(K), rays * depth[..., None])


def transform_pixels(
    pixels: Float[Tensor, "*batch n 2"], A: Float[Tensor, "*batch 3 3"]
) -> Float[Tensor, "*batch n 2"]:
    """Apply the affine pixel map ``A`` (as `crop_matrix` makes it) to pixels."""
    return _mapped(A[..., :2, :2], pixels) + A[..., None, :2, 2]


def crop_matrix(
    centre: Float[Tensor, "*batch 2"], size: Float[Tensor, "*batch"], output: int
) -> Float[Tensor, "*batch 3 3"]:
    """The affine pixel map from an image to its square crop.

    The crop covers ``size`` px around ``centre`` (px) and is resized to ``output`` x ``output``.
    The crop's intrinsics are ``A @ K``. The half-pixel terms keep (0, 0) at the centre of the crop's
    top-left pixel: ``u' = (u + 0.5 - (c - size / 2)) * s - 0.5`` with ``c`` the centre + 0.5.
    """
    scale = output / size
    A = torch.zeros(*size.shape, 3, 3, dtype=centre.dtype, device=centre.device)
    A[..., 0, 0] = A[..., 1, 1] = scale
    A[..., :2, 2] = (size[..., None] / 2 - centre) * scale[..., None] - 0.5
    A[..., 2, 2] = 1
    return A


def reference_length(joints: Float[Tensor, "*batch 21 3"]) -> Float[Tensor, "*batch"]:
    """Length of the reference bone, middle MCP to middle PIP, in the unit of ``joints``."""
    start, end = REFERENCE_BONE
    return torch.linalg.vector_norm(joints[..., end, :] - joints[..., start, :], dim=-1)


def relative_depth(joints: Float[Tensor, "*batch 21 3"]) -> Float[Tensor, "*batch 21"]:
    """``z_rel = (z - z_wrist) / s`` with ``s`` the reference bone's length; unitless."""
    z = joints[..., 2]
    return (z - z[..., WRIST, None]) / reference_length(joints)[..., None]


def wrist_at_zero(z_rel: Float[Tensor, "*batch 21"]) -> Float[Tensor, "*batch 21"]:
    """Fix the wrist's relative depth at 0, which it is by definition; every network that predicts depths ends in this.

    The number that the network predicts for the wrist reaches no loss and gets no gradient.

    Args:
        z_rel: predicted depths relative to the wrist, in lengths of the reference bone.

    Returns:
        The same, with 0 for the wrist.
    """
    return torch.cat([torch.zeros_like(z_rel[..., : WRIST + 1]), z_rel[..., WRIST + 1 :]], dim=-1)


def recover_joints(
    pixels: Float[Tensor, "*batch 21 2"],
    z_rel: Float[Tensor, "*batch 21"],
    K: Float[Tensor, "*batch 3 3"],
    root_depth: Float[Tensor, "*batch"],
    scale: Float[Tensor, "*batch"],
) -> Float[Tensor, "*batch 21 3"]:
    """Joints (mm) from pixels and relative depth: ``z = z_rel s + z_root``, then back-projection.

    With the true ``root_depth`` and ``scale`` (mm) this is the recovery ``true_root_and_scale``.
    """
    return back_project(pixels, z_rel * scale[..., None] + root_depth[..., None], K)


def solve_root_depth(
    pixels: Float[Tensor, "*batch 21 2"],
    z_rel: Float[Tensor, "*batch 21"],
    K: Float[Tensor, "*batch 3 3"],
    scale: Float[Tensor, "*batch"],
) -> Float[Tensor, "*batch"]:
    """Root depth (mm) at which the reference bone has length ``scale``: no truth is needed for it.

    Closed form of Iqbal et al. 2018 (2.5D pose): with unit-z rays r and z = z_rel s + Z, the bone
    ``r_b (z_b) - r_a (z_a)`` has length s for the larger root Z of a quadratic. Where the predicted
    bone is longer than ``scale`` in z alone there is no real root and the vertex is returned.
    """
    a, b = REFERENCE_BONE
    rays = back_project(pixels, torch.ones_like(z_rel), K)
    slope = rays[..., b, :] - rays[..., a, :]
    offset = (rays[..., b, :] * z_rel[..., b, None] - rays[..., a, :] * z_rel[..., a, None]) * scale[..., None]
    qa = slope.square().sum(-1).clamp_min(1e-12)
    qb = (slope * offset).sum(-1)
    qc = offset.square().sum(-1) - scale.square()
    return (-qb + (qb.square() - qa * qc).clamp_min(0).sqrt()) / qa


def _mapped(matrix: Float[Tensor, "*batch i j"], points: Float[Tensor, "*batch n j"]) -> Float[Tensor, "*batch n i"]:
    return (matrix[..., None, :, :] * points[..., None, :]).sum(-1)
