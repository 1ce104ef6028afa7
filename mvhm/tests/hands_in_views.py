"""Hands at rest before cameras around them, as batches, and MVHM's networks in the smallest size."""

import torch

from handpose_core.camera import project
from handpose_core.nn.hourglass import HourglassSize
from handpose_core.rig import load_rig
from handpose_core.rig.skinning import rotation_about
from handpose_mvhm.networks import DepthHeadSize, GraphUNetSize, MeshSize, SingleViewSize

SIZE = 32
SINGLE = SingleViewSize(
    hourglass=HourglassSize(stem=4, features=8, stacks=2, depth=1),
    mesh=MeshSize(poolings=1, grid=2, hidden=8, widths=(4, 4, 4, 4)),
    depth_head=DepthHeadSize(widths=(4, 4), steps=(1, 2), hidden=8),
)
UNET = GraphUNetSize(nodes=(11, 5, 3), widths=(8, 8, 8))


def groups(count=2, views=3, seed=0):
    """View groups of the rig's hand, turned at random."""
    generator = torch.Generator().manual_seed(seed)
    rig = load_rig()
    joints, vertices = (torch.from_numpy(points).float() for points in (rig.joints, rig.vertices))
    middle = joints.mean(0)
    turns = rotation_about(0, torch.rand(count, generator=generator) * 6)
    turns = turns @ rotation_about(1, torch.rand(count, generator=generator) * 6)
    in_world = [(points - middle) @ turns.transpose(-1, -2) for points in (joints, vertices)]
    angles = torch.arange(views) * 6.28 / views + torch.rand(count, views, generator=generator)
    R = torch.stack([rotation_about(0, 0.3 * row.cos()) @ rotation_about(1, row) for row in angles])
    t = torch.tensor([0.0, 0.0, 500.0]) + 20 * torch.rand(count, views, 3, generator=generator)
    K = torch.tensor([[70.0, 0, 15.5], [0, 70.0, 15.5], [0, 0, 1]]).expand(count, views, 3, 3).clone()
    joints_3d, vertices = (points[:, None] @ R.transpose(-1, -2) + t[:, :, None] for points in in_world)
    return {
        "image": torch.rand(count, views, 3, SIZE, SIZE, generator=generator),
        "joints_2d": project(joints_3d, K),
        "joints_3d": joints_3d,
        "annotated": torch.ones(count, views, 21, dtype=torch.bool),
        "visible": torch.ones(count, views, 21, dtype=torch.bool),
        "vertices": vertices,
        "K": K,
        "R": R,
        "t": t,
        "index": torch.arange(count * views).view(count, views),
    }
