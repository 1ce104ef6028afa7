"""TASSN's networks in the smallest size, for the tests of whole trainings."""

import torch

from handpose_tassn.networks import HeatmapSize, MeshSize, PoseSize

SIZES = {
    "heatmaps": HeatmapSize(stem=8, features=8, stacks=2, depth=1),
    "mesh": MeshSize(vertices=None, poolings=1, grid=2, hidden=32, coarse=8, middle=(8, 8), fine=(8,)),
    "pose": PoseSize(fine=(8,), middle=(8,), hidden=32),
    "optimizer": lambda parameters: torch.optim.SGD(parameters, lr=1e-3),
}
