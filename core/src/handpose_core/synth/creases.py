"""Where skin is creased: across fingers at their joints, and along the palm's three lines."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from handpose_core.hand import FINGER_JOINTS, JOINT_NAMES
from handpose_core.mesh import mesh_edges, vertex_normals
from handpose_core.rig import HandRig
from handpose_core.synth.poses import segment_distance

_HALF_WIDTH = 1.7
"""Of a crease, mm."""
_REACH = 16.0
"""A finger's crease lies so near the joint's middle, mm."""
_ON_BACK = 0.5
"""How deep a knuckle's wrinkles are beside the crease opposite."""
_FACING = 0.4
"""A normal's share towards the palm or the back from which a crease is as deep as it gets."""
_LINES = (
    ((-0.25, 0.74), (0.2, 0.84), (0.6, 0.9), (0.85, 1.06)),
    ((1.3, 0.84), (0.9, 0.76), (0.4, 0.62), (-0.05, 0.5)),
    ((1.3, 0.8), (1.0, 0.66), (0.78, 0.42), (0.7, 0.18), (0.72, 0.02)),
)
"""The palm's: shares of its width from the little finger's MCP to the index finger's, and of its length from the wrist;
set by eye."""


def creases(rig: HandRig) -> Float[Tensor, "v"]:
    """How deep in a crease each vertex of the hand at rest lies, 0..1.

    A crease is some mm wide: where vertices lie farther apart it is fainter. `HandRig` takes more vertices.
    """
    normals = vertex_normals(rig.vertices[None], rig.faces)[0]
    depth = _palm_creases(rig, normals)
    for finger in range(len(FINGER_JOINTS)):
        depth = torch.maximum(depth, _finger_creases(rig, normals, finger))
    return depth * (2 * _HALF_WIDTH / _spacing(rig)).square().clamp(max=1)


def _finger_creases(rig: HandRig, normals: Float[Tensor, "v 3"], finger: int) -> Float[Tensor, "v"]:
    """Across the inside and the back at the outer two joints; on the inside where the finger leaves the palm, too."""
    base, second, third, tip = rig.joints[list(list(FINGER_JOINTS.values())[finger])]
    depth = _across(rig, normals, finger, second, third, _ON_BACK)
    depth = torch.maximum(depth, _across(rig, normals, finger, third, tip, _ON_BACK))
    if finger == 0:
        return depth
    return torch.maximum(depth, _across(rig, normals, finger, (base + second) / 2, second, 0.0))


def _across(
    rig: HandRig,
    normals: Float[Tensor, "v 3"],
    finger: int,
    centre: Float[Tensor, "3"],
    following: Float[Tensor, "3"],
    on_back: float,
) -> Float[Tensor, "v"]:
    """A crease around a finger's inside at ``centre``, square to the way to ``following``."""
    along = functional.normalize(following - centre, dim=0)
    inward = normals @ functional.normalize(torch.linalg.cross(rig.hinges[finger], along), dim=0) / _FACING
    near = (rig.vertices - centre).norm(dim=-1) < _REACH
    of_finger = rig.weights[:, 1 + 3 * finger : 4 + 3 * finger].sum(1).clamp(0, 1)
    band = torch.exp(-((rig.vertices - centre) @ along / _HALF_WIDTH).square())
    return band * near * of_finger * (inward.clamp(0, 1) + on_back * (-inward).clamp(0, 1))


def _palm_creases(rig: HandRig, normals: Float[Tensor, "v 3"]) -> Float[Tensor, "v"]:
    lines = [_in_palm(rig.joints, line) for line in _LINES]
    starts, ends = (torch.cat([line[part] for line in lines]) for part in (slice(None, -1), slice(1, None)))
    seen = rig.vertices[:, None, :2]  # from before the palm
    away = segment_distance(seen, seen, starts, ends).amin(1)
    palmar = (normals[:, 2] / _FACING).clamp(0, 1) * rig.weights[:, 0]
    return palmar * torch.exp(-(away / _HALF_WIDTH).square())


def _in_palm(joints: Float[Tensor, "21 3"], line: Sequence[tuple[float, float]]) -> Float[Tensor, "n 2"]:
    """Points of the palm's plane, mm, of shares of its width and length."""
    index, little = (joints[JOINT_NAMES.index(f"{finger}_mcp")] for finger in ("index", "little"))
    across, along = torch.tensor(line, dtype=joints.dtype).unbind(-1)
    return torch.stack([little[0] + across * (index[0] - little[0]), along * index[1]], dim=-1)


def _spacing(rig: HandRig) -> Float[Tensor, "v"]:
    """Mean length of each vertex's edges, mm."""
    ends = torch.as_tensor(mesh_edges(rig.faces.numpy())).T
    length = (rig.vertices[ends[0]] - rig.vertices[ends[1]]).norm(dim=-1).repeat(2)
    none = torch.zeros(len(rig.vertices))
    summed, count = (none.index_add(0, ends.flatten(), values) for values in (length, torch.ones_like(length)))
    return summed / count.clamp_min(1)
