"""What the method answers: joints, mesh and side."""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from handpose_core.estimators.hand3d.recovery import PlacedEstimate


@dataclass(frozen=True)
class HandEstimate(PlacedEstimate):
    """An estimate with a mesh and a side; ``xyz`` is in the frame of a camera that looks at ``middle``.

    Args:
        vertices: about the wrist, in lengths of the reference bone, of the same frame as ``xyz``.
        right: how likely it is a right hand, 0 to 1.
        is_right: as which hand it was estimated.
        middle: px of the crop, where the hand's middle is.
        there: how likely there is a hand, 0 to 1; ``scores`` have it in them.
    """

    vertices: Float[Tensor, "batch v 3"]
    right: Float[Tensor, " batch"]
    is_right: Bool[Tensor, " batch"]
    middle: Float[Tensor, "batch 2"]
    there: Float[Tensor, " batch"]
