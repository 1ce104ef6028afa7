"""Sampling hand poses: gestures, blends of two, and free fingers, without visible self-penetration."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from handpose_core.hand import BONES
from handpose_core.rig import JOINT_LIMITS, HandRig, pose_from_angles
from handpose_core.synth.gestures import GESTURES

_PALM_BONES = tuple(i for i, (parent, _) in enumerate(BONES) if parent == 0 and i > 0)
#: mm.
_PALM_RADIUS = 8.0
_TOLERANCE = 2.5
_SIDE_BY_SIDE = 7.0
"""mm by which two capsules may overlap: flesh gives that much. Fingers side by side press flat against each other."""


class PoseSampler:
    """Draws joint angles that cover open, fist, pinch, pointing, counting and what lies between.

    A third of the draws are gestures with noise, a third lie between two gestures, a third have each finger on
    its own (neighbours alike, DIP following PIP). A draw in which fingers run through each other is moved towards
    the open hand as far as needed: penetration is judged by capsules around the bones, as thick as the rig's flesh.

    Penetration depends on the hand's shape: give `sample`, `separate`, `penetrates` and `overlap` the shape that the
    hand is drawn with. Without one, they take the rig's mean shape.

    Args:
        rig: the hand whose penetration is judged.
    """

    def __init__(self, rig: HandRig) -> None:
        self.rig = rig
        self.gestures = torch.stack(list(GESTURES.values()))
        self.open = GESTURES["open"]
        self._pairs = _separate_pairs()
        self._tolerances = _tolerances(self._pairs)

    def sample(
        self, count: int, generator: Generator, shape: Float[Tensor, "count s"] | None = None
    ) -> Float[Tensor, "count 15 3"]:
        """Draw poses and free them of penetration.

        Args:
            count: how many.
            generator: of the draws.
            shape: components of each hand, standard deviations.

        Returns:
            Angles in radians, as `pose_from_angles` takes them.
        """
        return self.separate(self.draw(count, generator), shape)

    def draw(self, count: int, generator: Generator) -> Float[Tensor, "count 15 3"]:
        """Angles within the limits; fingers may still run through each other until `separate` frees them."""
        first, second = (self.gestures[torch.randint(len(self.gestures), (count,), generator=generator)] for _ in "ab")
        share = torch.rand(count, 1, 1, generator=generator)
        kind = torch.randint(3, (count, 1, 1), generator=generator)
        blended = torch.lerp(first, second, share)
        angles = torch.where(kind == 0, first, torch.where(kind == 1, blended, self._free(count, generator)))
        noise = torch.randn(count, 15, 3, generator=generator) * torch.tensor([6.0, 2.5, 2.0]).deg2rad()
        return clamp_to_limits(angles + noise)

    def _free(self, count: int, generator: Generator) -> Float[Tensor, "count 15 3"]:
        """Each finger curls on its own, neighbours alike; DIP follows PIP by two thirds."""
        own = torch.rand(count, 5, 2, generator=generator)
        shared = torch.rand(count, 1, 2, generator=generator)
        curl = torch.lerp(own, shared, 0.45)
        angles = torch.zeros(count, 5, 3, 3)
        limits = JOINT_LIMITS.unflatten(0, (5, 3))
        low, high = limits[..., 0], limits[..., 1]
        for joint, amount in ((0, curl[..., 0]), (1, curl[..., 1])):
            angles[:, :, joint, 0] = low[:, joint, 0] + amount * (high - low)[:, joint, 0]
        angles[:, :, 2, 0] = angles[:, :, 1, 0] * 2 / 3
        sideways = torch.rand(count, 5, 2, generator=generator)
        angles[:, :, 0, 1:] = low[:, 0, 1:] + sideways * (high - low)[:, 0, 1:]
        angles[:, 1:, 0, 1] *= 0.4
        return angles.flatten(1, 2)

    def separate(
        self, angles: Float[Tensor, "count 15 3"], shape: Float[Tensor, "count s"] | None = None
    ) -> Float[Tensor, "count 15 3"]:
        """Move every penetrating pose the least share of the way to the open hand that frees it.

        Args:
            angles: radians.
            shape: components of each hand, standard deviations.

        Returns:
            Angles in radians; poses that do not penetrate are unchanged.
        """
        shape = self._mean_shape(len(angles)) if shape is None else shape
        bad = self.penetrates(angles, shape).nonzero().squeeze(-1)
        stuck, of_stuck = angles[bad], shape[bad]
        low, high = torch.zeros(len(bad), 1, 1), torch.ones(len(bad), 1, 1)
        for _ in range(5):
            middle = (low + high) / 2
            still = self.penetrates(torch.lerp(stuck, self.open, middle), of_stuck)[:, None, None]
            low, high = torch.where(still, middle, low), torch.where(still, high, middle)
        return angles.index_copy(0, bad, torch.lerp(stuck, self.open, high))

    def penetrates(
        self, angles: Float[Tensor, "count 15 3"], shape: Float[Tensor, "count s"] | None = None
    ) -> Bool[Tensor, "count"]:
        """Return whether two bones that are not neighbours come closer than their flesh allows.

        Args:
            angles: radians.
            shape: components of each hand, standard deviations.

        Returns:
            True for each hand whose fingers run through each other.
        """
        shape = self._mean_shape(len(angles)) if shape is None else shape
        return self.overlap(self.rig(pose_from_angles(self.rig, angles), shape).joints, shape)

    def overlap(
        self, joints: Float[Tensor, "count 21 3"], shape: Float[Tensor, "count s"] | None = None
    ) -> Bool[Tensor, "count"]:
        """Return `penetrates` for hands that are given by their joints.

        Args:
            joints: mm, of the rig with this shape in some pose.
            shape: components of each hand, standard deviations.

        Returns:
            True for each hand whose fingers run through each other.
        """
        starts = joints[:, [parent for parent, _ in BONES]]
        ends = joints[:, [child for _, child in BONES]]
        a, b = self._pairs.T
        distance = segment_distance(starts[:, a], ends[:, a], starts[:, b], ends[:, b])
        clearance = bone_radii(self.rig, shape)[:, self._pairs].sum(-1) - self._tolerances
        return (distance < clearance).any(1)

    def _mean_shape(self, count: int) -> Float[Tensor, "count s"]:
        return torch.zeros(count, self.rig.n_shapes)


def clamp_to_limits(angles: Float[Tensor, "count 15 3"]) -> Float[Tensor, "count 15 3"]:
    """Bring every angle into `JOINT_LIMITS`."""
    return torch.maximum(torch.minimum(angles, JOINT_LIMITS[..., 1]), JOINT_LIMITS[..., 0])


def bone_radii(rig: HandRig, shape: Float[Tensor, "count s"] | None = None) -> Float[Tensor, "_ 20"]:
    """Return the thickness of the flesh around each of the 20 bones: the median distance of the skin it moves most.

    The bones of the palm are given 8 mm: they lie within it, not along its middle.

    Args:
        rig: the hand.
        shape: components of each hand, standard deviations; the mean shape of one hand without.

    Returns:
        Radii in mm, one row a hand.
    """
    shape = torch.zeros(1, rig.n_shapes) if shape is None else shape
    vertices, joints = rig.rest(shape)
    radii = torch.full((len(shape), len(BONES)), _PALM_RADIUS)
    for bone, skin in _skin_of_bones(rig).items():
        parent, child = BONES[bone]
        points, start, end = vertices[:, skin], joints[:, [parent]], joints[:, [child]]
        nearest = start + _along(points, start, end).clamp(0, 1)[..., None] * (end - start)
        radii[:, bone] = torch.linalg.vector_norm(points - nearest, dim=-1).median(1).values
    return radii


def _skin_of_bones(rig: HandRig) -> dict[int, Int[Tensor, " skin"]]:
    """Vertices beside each finger bone, at rest, that it moves most."""
    skin = {}
    for finger in range(5):
        for part in range(3):
            bone = 4 * finger + part + 1
            parent, child = BONES[bone]
            share = _along(rig.vertices, rig.joints[parent], rig.joints[child])
            moved = (rig.weights[:, 1 + 3 * finger + part] > 0.7) & (share > 0) & (share < 1)
            skin[bone] = moved.nonzero().squeeze(-1)
    return skin


def _along(
    points: Float[Tensor, "*n 3"], start: Float[Tensor, "*#n 3"], end: Float[Tensor, "*#n 3"]
) -> Float[Tensor, "*n"]:
    """Position of points along segments, 0 at the start, 1 at the end."""
    line = end - start
    return ((points - start) * line).sum(-1) / line.square().sum(-1)


def segment_distance(
    p1: Float[Tensor, "*#n d"], q1: Float[Tensor, "*#n d"], p2: Float[Tensor, "*#n d"], q2: Float[Tensor, "*#n d"]
) -> Float[Tensor, "*n"]:
    """Shortest distance between segments p1-q1 and p2-q2 (Ericson, Real-Time Collision Detection, 5.1.9)."""
    d1, d2, r = q1 - p1, q2 - p2, p1 - p2
    a, e, f = (d1 * d1).sum(-1), (d2 * d2).sum(-1), (d2 * r).sum(-1)
    b, c = (d1 * d2).sum(-1), (d1 * r).sum(-1)
    s = ((b * f - c * e) / (a * e - b * b).clamp_min(1e-6)).clamp(0, 1)
    t = ((b * s + f) / e.clamp_min(1e-6)).clamp(0, 1)
    s = ((b * t - c) / a.clamp_min(1e-6)).clamp(0, 1)
    gap = r + d1 * s[..., None] - d2 * t[..., None]
    return torch.linalg.vector_norm(gap, dim=-1)


def _separate_pairs() -> Tensor:
    """Pairs of bones whose nearness means penetration: other fingers', and the palm against the last two phalanges."""
    pairs = []
    for a, (_, end_a) in enumerate(BONES):
        for b, (_, end_b) in enumerate(BONES[:a]):
            finger_a, part_a = divmod(end_a - 1, 4)
            finger_b, part_b = divmod(end_b - 1, 4)
            palm_a, palm_b = a in _PALM_BONES, b in _PALM_BONES
            neighbours = (part_a < 2 and part_b < 2) or (palm_a and palm_b)
            near_thumb = min(finger_a, finger_b) == 0 and min(part_a, part_b) < 2 and max(part_a, part_b) < 2
            across = finger_a != finger_b and not neighbours and not near_thumb
            own_palm = finger_a == finger_b and finger_a > 0 and (palm_a or palm_b) and max(part_a, part_b) == 3
            if (across and not _webbed(part_a, part_b, palm_a or palm_b, min(finger_a, finger_b))) or own_palm:
                pairs.append((a, b))
    return torch.tensor(pairs)


def _webbed(part_a: int, part_b: int, palm: bool, lower_finger: int) -> bool:
    """The thumb's base and the palm share flesh: only the thumb's last two phalanges can enter it."""
    return palm and lower_finger == 0 and max(part_a, part_b) < 3


def _tolerances(pairs: Tensor) -> Float[Tensor, "pairs"]:
    """Allowed overlap of each pair of bones in mm."""
    ends = torch.tensor([child for _, child in BONES])[pairs] - 1
    alongside = (ends[:, 0] % 4 == ends[:, 1] % 4) & (ends.amin(1) // 4 > 0)
    return torch.where(alongside, _SIDE_BY_SIDE, _TOLERANCE)
