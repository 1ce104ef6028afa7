"""What the estimator returns: joints, mesh and handedness."""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from handpose_core.estimators.hand3d.recovery import PlacedEstimate


@dataclass(frozen=True)
class HandEstimate(PlacedEstimate):
    """Estimated hands; ``xyz`` and ``vertices`` are in the frame of a virtual camera that looks at ``middle``.

    Attributes:
        vertices: Relative to the wrist, in lengths of the reference bone.
        right: Probability of a right hand.
        is_right: Handedness that the estimate was made for.
        middle: Middle of the hand's box, px of the crop.
        presence: Probability of a hand; already multiplied into ``scores``.
    """

    vertices: Float[Tensor, "batch v 3"]
    right: Float[Tensor, " batch"]
    is_right: Bool[Tensor, " batch"]
    middle: Float[Tensor, "batch 2"]
    presence: Float[Tensor, " batch"]
