"""Rotations by the numbers that networks say."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from handpose_core.precision import single_precision


@single_precision
def axis_angle_matrices(axis_angle: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation by |w| radians about w, for columns: ``exp([w]ₓ)``, whose gradient exists at w = 0, too."""
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    rotations: Tensor = torch.linalg.matrix_exp(cross)
    return rotations


def rotation_from_6d(vector: Float[Tensor, "batch 6"]) -> Float[Tensor, "batch 3 3"]:
    """The rotation whose first two columns lie nearest, one after the other (Zhou et al. 2019); 0 is the identity."""
    first, second = (vector + vector.new_tensor([1.0, 0, 0, 0, 1, 0])).split(3, dim=1)
    x = F.normalize(first, dim=1)
    y = F.normalize(second - (x * second).sum(1, keepdim=True) * x, dim=1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)
