"""Fusion that knows the cameras: each view is precise across its rays and vague along them.

A view's joint lies somewhere on a ray from its camera. Its estimate there is a Gaussian with precision w across the
ray and k w along it; the product of all views' Gaussians has its mean in closed form. With k -> 0 that is triangulation
by weighted least squares, which one view or parallel ones leave undetermined; with k = 1 it is a weighted mean.
Weights and k are learnt, and where one wants it a correction by the same Graph U-Net that concatenation uses.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handpose_core.hand import N_JOINTS, WRIST
from handpose_mvhm.networks.fusion import (
    Fusion,
    FusionNetwork,
    ViewPoses,
    into_frame,
    mean_of_views,
    out_of_frame,
    palm_frame,
)
from handpose_mvhm.networks.graph_unet import PAPER_UNET, GraphUNet, GraphUNetSize

_LEAST_SCORE = 1e-2
_LEAST_PRECISION = 1e-8


@dataclass(frozen=True)
class Triangulation(Fusion):
    """Weighted triangulation in which single-view depths count a little, with learnt weights.

    The order of the views does not matter, and there may be as many as one likes.

    Args:
        along: k at first: a view's precision along its rays, of that across them.
        rounds: how often weights are found anew from how far each view is from the last solution.
        hidden: width of the network that finds them.
    """

    along: float = 0.02
    rounds: int = 2
    hidden: int = 32

    def build(self) -> FusionNetwork:
        """See `Fusion`."""
        return TriangulationNetwork(self)


@dataclass(frozen=True)
class RefinedTriangulation(Triangulation):
    """`Triangulation`, then a Graph U-Net on its hand, the views' mean and how far apart the views are.

    Args:
        along: see `Triangulation`.
        rounds: see `Triangulation`.
        hidden: see `Triangulation`.
        unet: sizes of the Graph U-Net.
    """

    unet: GraphUNetSize = PAPER_UNET

    def build(self) -> FusionNetwork:
        """See `Fusion`."""
        return RefinedTriangulationNetwork(self)


class TriangulationNetwork(FusionNetwork):
    """See `Triangulation`; untrained, it solves with the heatmaps' maxima as weights.

    Args:
        form: what the recipe says of it.
    """

    def __init__(self, form: Triangulation) -> None:
        super().__init__()
        self.log_along = nn.Parameter(torch.full((N_JOINTS,), float(torch.tensor(form.along).log())))
        self.weigh = nn.ModuleList(_weigher(form.hidden) for _ in range(form.rounds))

    def fuse(self, views: ViewPoses) -> Float[Tensor, "batch 21 3"]:
        """See `FusionNetwork`."""
        return self.solved(views)[0]

    def solved(self, views: ViewPoses) -> tuple[Float[Tensor, "batch 21 3"], Float[Tensor, "batch 21"]]:
        """The fused joints, mm, and the weighted mean distance of the views from them, in reference bones."""
        rays = ray_directions(views)
        along = self.log_along.exp().expand_as(views.scores)
        trusted = views.scores.clamp_min(_LEAST_SCORE) * views.present[..., None]
        weights = trusted
        fused = solve(views, rays, weights, along)
        for network in self.weigh:
            weights = trusted * self._weights(network, views, rays, fused)
            fused = solve(views, rays, weights, along)
        across, _ = distances(views, rays, fused)
        return fused, (weights * across).sum(1) / weights.sum(1).clamp_min(_LEAST_PRECISION)

    def _weights(
        self, network: nn.Module, views: ViewPoses, rays: Tensor, fused: Tensor
    ) -> Float[Tensor, "batch views 21"]:
        """What each view's joint counts, by its score and by how far it is from the fused one."""
        across, beside = distances(views, rays, fused)
        which = torch.eye(N_JOINTS, device=rays.device).expand(*views.scores.shape, -1)
        seen = torch.stack([views.scores, across / (1 + across), beside / (1 + beside)], dim=-1)
        logits: Tensor = network(torch.cat([seen, which], dim=-1))[..., 0]
        return logits.clamp(-8, 8).exp()


class RefinedTriangulationNetwork(TriangulationNetwork):
    """See `RefinedTriangulation`; untrained, it adds nothing.

    Args:
        form: what the recipe says of it.
    """

    def __init__(self, form: RefinedTriangulation) -> None:
        super().__init__(form)
        self.unet = GraphUNet(7, 3, form.unet)

    def fuse(self, views: ViewPoses) -> Float[Tensor, "batch 21 3"]:
        """See `FusionNetwork`."""
        fused, spread = self.solved(views)
        frame = palm_frame(fused)
        seen = [into_frame(joints - joints[:, [WRIST]], frame, views.scale) for joints in (fused, mean_of_views(views))]
        correction = self.unet(torch.cat([*seen, spread[..., None]], dim=-1))
        return fused + out_of_frame(correction, frame, views.scale)


def _weigher(hidden: int) -> nn.Sequential:
    """Logarithm of a weight by score, two distances and which joint it is; zero at first."""
    last = nn.Linear(hidden, 1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(3 + N_JOINTS, hidden), nn.ReLU(), last)


def ray_directions(views: ViewPoses) -> Float[Tensor, "batch views 21 3"]:
    """Unit vectors from the cameras to the joints as each of them sees them; zeros in missing views."""
    rays = views.joints - views.centres[:, :, None]
    return rays / rays.norm(dim=-1, keepdim=True).clamp_min(1e-6)


def solve(
    views: ViewPoses,
    rays: Float[Tensor, "batch views 21 3"],
    weights: Float[Tensor, "batch views 21"],
    along: Float[Tensor, "batch views 21"],
) -> Float[Tensor, "batch 21 3"]:
    """The point with the least ``sum_v w (|across the ray|^2 + k |along it|^2)`` from the views' estimates, mm.

    Args:
        views: their estimates.
        rays: directions from their cameras.
        weights: w, 0 in missing views.
        along: k.
    """
    shares = weights / weights.sum(1, keepdim=True).clamp_min(_LEAST_PRECISION)
    middle = (shares[..., None] * views.joints).sum(1)
    identity = torch.eye(3, device=rays.device)
    precision = identity - (1 - along)[..., None, None] * rays[..., :, None] * rays[..., None, :]
    precision = shares[..., None, None] * precision
    # about the weighted mean: where all agree there is nothing to solve, and nothing to lose by rounding
    away = views.joints - middle[:, None]
    pull = (precision * away[..., None, :]).sum((1, -1))
    total = precision.sum(1) + _LEAST_PRECISION * identity
    step: Tensor = torch.linalg.solve(total, pull)
    return middle + step


def distances(
    views: ViewPoses, rays: Float[Tensor, "batch views 21 3"], fused: Float[Tensor, "batch 21 3"]
) -> tuple[Float[Tensor, "batch views 21"], Float[Tensor, "batch views 21"]]:
    """How far the fused joints are from each view's: across its ray and along it, in reference bones."""
    away = (fused[:, None] - views.joints) / views.scale[:, None, None, None]
    along = (away * rays).sum(-1)
    across = (away - along[..., None] * rays).square().sum(-1).clamp_min(1e-12).sqrt()
    return across * views.present[..., None], along.abs() * views.present[..., None]
