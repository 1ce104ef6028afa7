"""DGGAN's networks in the smallest size, and its stages, for the tests of whole trainings."""

import torch

from handpose_core.nn.cpm import CPMSize
from handpose_core.nn.gan import DiscriminatorSize, GeneratorSize
from handpose_dggan.networks import DepthHeadSize, GANSize, RegulariserSize
from handpose_dggan.objectives import DepthReconstruction, GeneratedDepth, Joined, Regression, Regularisation, TrueDepth

NETWORKS = ("network", "regulariser", "generator", "discriminator")


def sizes(norm):
    """Options of the module; ``norm`` is the pose network's and the regulariser's."""
    return {
        "cpm": CPMSize(
            trunk=((8, 1), (8, 1), (8, 1)), features=8, stages=2, first_width=8, width=8, convolutions=1, kernel=3,
            norm=norm,
        ),
        "depth_head": DepthHeadSize(width=8, convolutions=1, kernel=3, maps=22, grid=8, hidden=16),
        "regulariser": RegulariserSize(widths=(8, 8), norm=norm),
        "gan": GANSize(
            generator=GeneratorSize(width=4, blocks=1), discriminator=DiscriminatorSize(width=4, layers=1), side=16
        ),
        "sigma": 4.0,
        "loss_size": 16,
        "optimizer": lambda parameters: torch.optim.SGD(parameters, lr=1e-3),
    }  # fmt: skip


SIZES = sizes("none")
STAGES = {
    "regression": Regression(),
    "depth": DepthReconstruction(),
    "regulariser": Regularisation(GeneratedDepth()),
    "joined": Joined(GeneratedDepth()),
    "joined with true depth": Joined(TrueDepth()),
    "joined, fixed": Joined(GeneratedDepth(), fixed_regulariser=True),
}


def samples(batch):
    """The batch's samples one by one."""
    return [{key: value[i] for key, value in batch.items()} for i in range(len(batch["image"]))]
