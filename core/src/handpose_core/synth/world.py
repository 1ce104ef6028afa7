"""Making frames of a world: its rig posed, dressed, lit, rendered, and seen by its camera."""

import copy
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int, UInt8
from torch import Generator, Tensor

from handpose_core.camera import project
from handpose_core.hand import BONES, Side
from handpose_core.render import Grain, Occluders, Painter, Rendered, Sight, Surface, draw, shade
from handpose_core.rig import ARTICULATED, HandRig, mirror, pose_from_angles
from handpose_core.synth.draws import frame_generator
from handpose_core.synth.forearm import arm_faces, arm_vertices, sleeve_rings
from handpose_core.synth.frame import ARM, FAR, FIRST_BONE, SyntheticFrame
from handpose_core.synth.posed import Pictures, PosedScenes
from handpose_core.synth.poses import PoseSampler, bone_radii
from handpose_core.synth.scene import Look, Scene, Size, draw_scene, first, stack
from handpose_core.synth.sensor import to_srgb
from handpose_core.synth.skin import pore_coordinates, pores

_FLESH = (-8.0, 22.0)
"""mm; a joint this far behind the surface seen at its pixel is taken to be seen. Before it, it is on the outline."""
#: The fields of `SyntheticFrame` that are those of `Pictures`.
_AS_TAKEN = ("segments", "coverage", "joints_2d", "joints_3d", "visible", "vertices", "K")


class World:
    """Makes frames of random adult hands: pose, shape, skin, sleeve, light, background and camera all vary.

    Args:
        look: which world.
        size: of the pictures.
        device: where the pictures are rendered; the choices are drawn on the CPU and do not depend on it.
        painter: who makes the colours, if not our renderer.
    """

    def __init__(self, look: Look, size: Size, device: str = "cpu", painter: Painter | None = None) -> None:
        self.look, self.size, self.rig, self._painter = look, size, look.rig, painter
        self.device = torch.device(device)
        self.poses = PoseSampler(self.rig)
        self._radii = bone_radii(self.rig)[0].to(self.device)
        right = torch.cat([self.rig.faces, arm_faces(self.rig)]).to(self.device)
        self._faces = {Side.RIGHT: right, Side.LEFT: right.flip(1)}
        self._segments = _face_segments(self.rig, len(right)).to(self.device)
        self._tile = pores().to(self.device)

    @torch.no_grad()
    def frames(self, seed: int, stream: str, numbers: Sequence[int]) -> list[SyntheticFrame]:
        """The frames of these numbers; each depends on seed, stream and its own number alone.

        Args:
            seed: of the whole dataset.
            stream: keeps splits apart, for example "training".
            numbers: frame numbers, in any order.
        """
        generators = [frame_generator(seed, stream, number) for number in numbers]
        return self.make([draw_scene(self.look, self.poses, self.size, g) for g in generators], generators)

    @torch.no_grad()
    def make(self, scenes: Sequence[Scene], generators: Sequence[Generator]) -> list[SyntheticFrame]:
        """The frames of these scenes; the generators draw the cameras' noise."""
        frames: dict[int, SyntheticFrame] = {}
        for side in Side:
            chosen = [i for i, scene in enumerate(scenes) if scene.side == side]
            if chosen:
                made = self._make([scenes[i] for i in chosen], [generators[i] for i in chosen], side)
                frames.update(zip(chosen, made, strict=True))
        return [frames[i] for i in range(len(scenes))]

    @torch.no_grad()
    def make_views(self, scenes: Sequence[Scene], generators: Sequence[Generator]) -> list[SyntheticFrame]:
        """The frames of scenes that show one hand in one light to several cameras: `make`, but lit once.

        Args:
            scenes: of the same side, shape, pose, forearm, skin and light.
            generators: draw the cameras' noise.
        """
        return self._make(list(scenes), list(generators), scenes[0].side, lit=1)

    def _make(
        self, scenes: list[Scene], generators: list[Generator], side: Side, lit: int | None = None
    ) -> list[SyntheticFrame]:
        """Frames of one side; only the first hands are lit, if all the others are the same."""
        taken = self.render(self.pose(scenes, generators, side, lit).to(self.device))
        colour, depth = taken.colour.permute(0, 2, 3, 1).cpu().numpy(), taken.depth.cpu()
        arrays = {name: getattr(taken, name).cpu().numpy() for name in _AS_TAKEN}
        return [
            SyntheticFrame(
                colour=colour[i],
                depth=scene.appearance.camera.measure(depth[i], generator).numpy(),
                side=side,
                **{name: array[i] for name, array in arrays.items()},
            )
            for i, (scene, generator) in enumerate(zip(scenes, generators, strict=True))
        ]

    @torch.no_grad()
    def pose(
        self, scenes: Sequence[Scene], generators: Sequence[Generator], side: Side, lit: int | None = None
    ) -> PosedScenes:
        """Pose, dress and place the hands of scenes of one side, on the CPU: all but the rendering.

        Args:
            scenes: Of this side.
            generators: Draw the cameras' noise.
            side: Which hand.
            lit: How many hands are dressed and lit, where all the others are the same; all without.

        Returns:
            What `render` takes.
        """
        height, width = self.size
        vertices, joints, local = self._place(scenes, side)
        K = torch.stack([scene.K for scene in scenes])
        return PosedScenes(
            side=side,
            vertices=vertices,
            joints_3d=joints,
            joints_2d=project(joints, K),
            K=K,
            to_light=torch.stack([scene.to_light for scene in scenes]),
            grain=pore_coordinates(local),
            surface=self._dress(scenes[:lit]),
            light=stack([scene.appearance.light for scene in scenes]),
            background=torch.stack([scene.appearance.background[:, :height, :width] for scene in scenes]),
            noise=torch.stack([torch.randn(3, height, width, generator=generator) for generator in generators]),
            cameras=tuple(scene.appearance.camera for scene in scenes),
        )

    def on(self, device: torch.device) -> "World":
        """Return this world, rendering on another device; what is drawn and posed on the CPU is shared.

        Args:
            device: Where `render` is given its scenes.

        Returns:
            A world of the same look and size.
        """
        other = copy.copy(self)
        other.device = device
        for name in ("_radii", "_segments", "_tile"):
            setattr(other, name, getattr(self, name).to(device))
        other._faces = {side: faces.to(device) for side, faces in self._faces.items()}
        return other

    @torch.no_grad()
    def render(self, posed: PosedScenes) -> Pictures:
        """Light and draw posed hands, and take their pictures.

        Args:
            posed: On this world's device.

        Returns:
            Pictures and labels, on the same device.
        """
        faces, count = self._faces[posed.side], len(posed.vertices)
        grain = Grain(self._tile, posed.grain)
        middles = torch.stack([(posed.joints_3d[:, a] + posed.joints_3d[:, b]) / 2 for a, b in BONES], dim=1)
        lit = len(posed.surface.albedo)
        shading = shade(
            posed.vertices[:lit], faces, posed.surface, first(posed.light, lit), posed.to_light[:lit],
            Occluders(middles[:lit], self._radii),
        )  # fmt: skip
        shading = shading if lit == count else shading.expand(count)
        picture = draw(posed.vertices, faces, posed.K, self.size, shading, posed.light, posed.to_light, grain)
        if self._painter is not None:
            sight = Sight(posed.vertices, faces, posed.K, self.size, posed.surface, posed.light, posed.to_light, grain)
            picture = self._painter.paint(picture, sight)
        depth, segments = picture.fragments.depth_map(), self._label(picture)
        return Pictures(
            colour=self._photograph(picture, posed),
            depth=torch.where(depth == 0, FAR, depth),
            segments=segments,
            coverage=picture.coverage[:, 0],
            joints_2d=posed.joints_2d,
            joints_3d=posed.joints_3d,
            visible=_visible(posed.joints_3d, posed.joints_2d, depth, segments),
            vertices=posed.vertices[:, : len(self.rig.vertices)],
            K=posed.K,
        )

    def _place(
        self, scenes: Sequence[Scene], side: Side
    ) -> tuple[Float[Tensor, "b v 3"], Float[Tensor, "b 21 3"], Float[Tensor, "b v 3"]]:
        """Pose the hands, grow their arms, mirror left ones and move them before the camera."""
        shape = torch.stack([scene.shape for scene in scenes])
        hand = self.rig(self._poses(scenes, shape), shape)
        forearms = stack([scene.forearm for scene in scenes])
        local = torch.cat([hand.vertices, arm_vertices(self.rig, hand, forearms)], dim=1)
        points = torch.cat([local, hand.joints], dim=1)
        if side == Side.LEFT:
            points = mirror(points)
        points = points - points[:, -21:].mean(1, keepdim=True)
        rotation = torch.stack([scene.rotation for scene in scenes])
        centre = torch.stack([scene.centre for scene in scenes])
        placed = points @ rotation.transpose(-1, -2) + centre[:, None]
        return placed[:, :-21], placed[:, -21:], local

    def _poses(self, scenes: Sequence[Scene], shape: Float[Tensor, "b s"]) -> Float[Tensor, "b 15 3 3"]:
        """Return the given poses, and those of the angles freed of penetration at the shapes that are drawn."""
        own = [i for i, scene in enumerate(scenes) if scene.pose is None]
        angles = [scene.angles for scene in scenes if scene.angles is not None]
        freed = iter(pose_from_angles(self.rig, self.poses.separate(torch.stack(angles), shape[own])) if own else ())
        return torch.stack([next(freed) if scene.pose is None else scene.pose for scene in scenes])

    def _dress(self, scenes: Sequence[Scene]) -> Surface:
        """Albedo and gloss of hand, arm and sleeve; the arm goes on with the wrist's skin."""
        loop = torch.as_tensor(self.rig.data.wrist_loop)
        bare, sleeved = sleeve_rings()
        albedos, glosses, exponents = [], [], []
        for look in (scene.appearance for scene in scenes):
            albedos.append(torch.cat([look.skin, look.skin[loop].repeat(bare, 1), look.cloth]))
            cloth = torch.zeros(sleeved * len(loop))
            glosses.append(torch.cat([look.gloss, look.gloss[loop].repeat(bare), cloth]))
            exponents.append(torch.cat([look.shininess, look.shininess[loop].repeat(bare), cloth + 1]))
        return Surface(*(torch.stack(values) for values in (albedos, glosses, exponents)))

    def _photograph(self, picture: Rendered, posed: PosedScenes) -> UInt8[Tensor, "batch 3 h w"]:
        """Lay hands over their backgrounds and take the pictures."""
        whole = posed.background.clone()
        image, row, column = (picture.coverage[:, 0] > 0).nonzero(as_tuple=True)
        share = picture.coverage[image, :, row, column]
        front = to_srgb(picture.colour[image, :, row, column] / share)
        behind = whole[image, :, row, column]
        whole[image, :, row, column] = torch.lerp(behind, front, share.expand_as(front))
        return type(posed.cameras[0]).take(posed.cameras, whole, posed.noise)

    def _label(self, picture: Rendered) -> UInt8[Tensor, "b h w"]:
        """Segment of each pixel, as `handpose_core.synth.frame` numbers them."""
        ids = picture.fragments.face_ids()
        return torch.where(ids < 0, 0, self._segments[ids.clamp_min(0)]).to(torch.uint8)


def _face_segments(rig: HandRig, count: int) -> Int[Tensor, "faces"]:
    """Which bone moves each face most; the faces after the hand's own are the arm's."""
    moved_by = rig.weights[rig.faces].sum(1).argmax(1)
    bones = torch.tensor([0, *ARTICULATED[1:]])
    segments = torch.full((count,), ARM)
    segments[: len(rig.faces)] = FIRST_BONE + bones[moved_by]
    return segments


def _visible(joints: Tensor, pixels: Tensor, depth: Tensor, segments: Tensor) -> Tensor:
    """Which joints lie in the picture, right under the hand's surface seen there."""
    height, width = depth.shape[-2:]
    column, row = pixels.round().long().unbind(-1)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    index = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
    surface = depth.flatten(1).gather(1, index)
    on_hand = segments.flatten(1).gather(1, index) >= FIRST_BONE
    under = joints[..., 2] - surface
    return inside & on_hand & (under > _FLESH[0]) & (under < _FLESH[1])
