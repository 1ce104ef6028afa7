"""Silhouettes a second, forward and backward, by our two methods and by DEODR, each on one core."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from handpose_benchmarks.speed.figure import Figure, Skipped
from handpose_benchmarks.speed.scene import Scene, posed_hands
from handpose_benchmarks.speed.timing import rate, threads
from handpose_core.camera import project
from handpose_core.render import EdgeSilhouette, Silhouette, SoftSilhouette

VERTICES = 2561
"""Of the thesis's hand."""
SIZE = 128
BATCH = 8
TARGET = 3.0
"""Times faster than DEODR that is asked for."""


def measure() -> list[Figure | Skipped]:
    """Our rates, DEODR's, how many times faster ours is, and how far the gradients point the same way."""
    scene = posed_hands(BATCH, SIZE, VERTICES)
    vertices, gradient = in_pixels(scene), smooth_gradient()
    note = f"{VERTICES} vertices, {SIZE}x{SIZE}, forward and backward, one core"
    with threads(1):
        # the peer's turn comes between ours, so that what else the machine does is shared
        edge, soft = (_our_rate(method, vertices, scene, gradient) for method in (EdgeSilhouette(), SoftSilhouette()))
        figures: list[Figure | Skipped] = [
            Figure("silhouette, EdgeSilhouette", edge, "images/s", note=f"{note}, batch of {BATCH}"),
            Figure("silhouette, SoftSilhouette", soft, "images/s", note=f"{note}, batch of {BATCH}"),
        ]
        try:
            from handpose_benchmarks.speed.deodr import DeodrSilhouette
        except ImportError as error:
            return [*figures, Skipped("silhouette, DEODR", str(error))]
        peer = DeodrSilhouette(scene.faces, VERTICES, SIZE)
        theirs = rate(lambda: _theirs(peer.draw, vertices, gradient), BATCH)
        again = _our_rate(EdgeSilhouette(), vertices, scene, gradient)
    agreement = cosine(_ours(EdgeSilhouette(), vertices, scene, gradient), _theirs(peer.draw, vertices, gradient))
    return [
        *figures,
        Figure("silhouette, DEODR", theirs, "images/s", note=f"{note}, one image at a time, float64"),
        Figure("  ours over it", (edge + again) / 2 / theirs, "×", TARGET, "EdgeSilhouette, before and after"),
        Figure("  cosine of the gradients", agreement, "", note="all vertices of a batch, of a smooth loss"),
    ]


def in_pixels(scene: Scene) -> Tensor:
    """The scene's hands as silhouettes take them: (batch, vertices, 3), px and mm."""
    vertices = torch.from_numpy(scene.vertices).float()
    K = torch.from_numpy(scene.K).float().expand(len(vertices), 3, 3)
    return torch.cat([project(vertices, K), vertices[..., 2:]], dim=-1)


def smooth_gradient() -> Tensor:
    """What a loss that varies over nine pixels might send back; (batch, 1, size, size)."""
    noise = torch.randn(BATCH, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    return avg_pool2d(noise, 9, 1, 4)


def cosine(ours: Tensor, theirs: Tensor) -> float:
    """Of the angle between two gradients."""
    return float(torch.nn.functional.cosine_similarity(ours.flatten(), theirs.flatten(), dim=0))


def _ours(silhouette: Silhouette, vertices: Tensor, scene: Scene, gradient: Tensor) -> Tensor:
    leaf = vertices.clone().requires_grad_()
    silhouette.draw(leaf, torch.from_numpy(scene.faces), (SIZE, SIZE)).backward(gradient)
    assert leaf.grad is not None
    return leaf.grad[..., :2]


def _our_rate(silhouette: Silhouette, vertices: Tensor, scene: Scene, gradient: Tensor) -> float:
    return rate(lambda: _ours(silhouette, vertices, scene, gradient), len(vertices))


def _theirs(draw: Callable[..., tuple[np.ndarray, np.ndarray]], vertices: Tensor, gradient: Tensor) -> Tensor:
    hands, pulls = vertices.double().numpy(), gradient.double().numpy()
    gradients = [draw(np.ascontiguousarray(hand[:, :2]), np.ascontiguousarray(hand[:, 2]), pull[0])[1]
                 for hand, pull in zip(hands, pulls, strict=True)]  # fmt: skip
    return torch.from_numpy(np.stack(gradients)).float()
