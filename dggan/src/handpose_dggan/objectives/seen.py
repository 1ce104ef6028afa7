"""What objectives see of the module, and what they give back."""

from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_dggan.networks import DepthDiscriminator, DepthGenerator, DepthRegulariser

Values = dict[str, Float[Tensor, ""]]
"""Losses by name; ``loss`` is the one to minimise."""


@runtime_checkable
class Networks(Protocol):
    """What objectives see of the module."""

    network: nn.Module
    regulariser: DepthRegulariser | None
    generator: DepthGenerator | None
    discriminator: DepthDiscriminator | None

    def inputs(self, batch: Sample) -> tuple[Tensor, ...]:
        """Return what the pose network takes of a batch."""

    def __call__(self, image: Tensor, sides: Tensor | None = None) -> Any:
        """Return the pose network's output for images."""

    def pose_losses(self, output: Any, batch: Sample) -> Values:
        """λ_2D L_2D + λ_z L_z as ``loss``, and its parts."""

    def depths_known(self, batch: Sample) -> Tensor:
        """Which samples' joint depths are labelled (B, bool)."""

    def has_learnt(self, network: str) -> bool:
        """Whether a network, by its name here, was trained at all."""


class Step(NamedTuple):
    """The losses of a batch.

    Attributes:
        values: By name; ``loss`` is what the trained networks minimise.
        generated: The generator's maps, where they were needed: the discriminator learns to tell them from real ones.
    """

    values: Values
    generated: Tensor | None = None


Network = TypeVar("Network", DepthRegulariser, DepthGenerator, DepthDiscriminator)


def require(network: Network | None, option: str) -> Network:
    """What the objective cannot do without.

    Args:
        network: the module's.
        option: the part of ``model`` that gives it.

    Raises:
        HandposeError: the recipe gives the module no such network.
    """
    if network is None:
        raise HandposeError(
            f"model.{option}", "nothing", "its size: the objective needs it", "Take a shipped recipe as a pattern."
        )
    return network
