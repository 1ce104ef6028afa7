"""What the renderers' hands look like: plain skin before two lights, those of the OpenGL peer."""

import torch

from handpose_core.render import Lights, Surface


def plain_skin(count: int, corners: int) -> Surface:
    """The same at every vertex.

    Args:
        count: How many hands.
        corners: Vertices of each.
    """
    return Surface(
        albedo=torch.tensor([0.69, 0.34, 0.22]).expand(count, corners, 3),
        gloss=torch.full((count, corners), 0.1),
        shininess=torch.full((count, corners), 20.0),
    )


def two_lights(count: int) -> Lights:
    """A key and a fill light, and a sky, for so many pictures."""
    towards = torch.nn.functional.normalize(torch.tensor([[0.4, -0.5, -0.8], [-0.7, 0.1, -0.7]]), dim=-1)
    return Lights(
        directions=towards.expand(count, 2, 3),
        colours=torch.tensor([[0.6] * 3, [0.2] * 3]).expand(count, 2, 3),
        sky=torch.full((count, 3), 0.2),
        ground=torch.full((count, 3), 0.1),
        wrap=torch.full((count,), 0.2),
        shadow_softness=torch.full((count,), 4.0),
    )
