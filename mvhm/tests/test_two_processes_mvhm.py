"""Two processes train every stage as one that sees the same hands whole, and wait for no gradient that never comes.

Batch normalisation is held still: each process would norm by its own share.
"""

from dataclasses import replace
from functools import partial

import pytest
import pytorch_lightning as pl
import torch
from core.tests.training.as_one import SEVERAL, assert_as_one, in_a_process, train_both
from mvhm.tests.hands_in_views import SINGLE, UNET, groups
from torch import nn

from handpose_mvhm.module import MVHMModule
from handpose_mvhm.networks import Concatenation
from handpose_mvhm.objectives import (
    DepthWithBothFixed,
    EndToEnd,
    FusionOnly,
    Heatmaps,
    MeshWithFixed2D,
    MultiViewEndToEnd,
)

VIEWS = 2
LITE = replace(SINGLE, hourglass=replace(SINGLE.hourglass, backbone="lite0", frozen_blocks=5))
FROZEN = "joined, a backbone frozen in part"
#: Of each stage: what is trained, whether of groups of views, whether the data have meshes.
STAGES = {
    "heatmaps": (Heatmaps(), False, True),
    "mesh": (MeshWithFixed2D(), False, True),
    "depth": (DepthWithBothFixed(), False, True),
    "joined": (EndToEnd(), False, True),
    "joined, without meshes": (EndToEnd(), False, False),
    FROZEN: (EndToEnd(), False, True),
    "fusion": (FusionOnly(least_views=VIEWS), True, True),
    "all": (MultiViewEndToEnd(least_views=VIEWS), True, True),
}


class StillNorms(pl.Callback):
    """Holds batch normalisation still."""

    def on_train_batch_start(self, trainer, pl_module, *_):
        for layer in pl_module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()


def build(objective, grouped, size=SINGLE):
    fusion = Concatenation(views=VIEWS, unet=UNET) if grouped else None
    module = MVHMModule(
        size=size, fusion=fusion, objective=objective, sigma=3.0,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.03),
    )  # fmt: skip
    if module.fusion is not None:  # what stands before the last layer learns once that is no longer zero
        nn.init.normal_(module.fusion.unet.out.weight, std=0.1)
    return module


def hands(grouped, meshes):
    """Eight hands, in groups of views or each by one camera."""
    batch = groups(count=8, views=VIEWS)
    samples = [{key: value[i] for key, value in batch.items() if meshes or key != "vertices"} for i in range(8)]
    if grouped:
        return samples
    return [{key: value[0] for key, value in sample.items() if key not in ("R", "t")} for sample in samples]


def train_all(folder):
    """Every stage by one process and by two, which are not told to look for parameters without a gradient."""
    for stage, (objective, grouped, meshes) in STAGES.items():
        made, data = partial(build, objective, grouped, LITE if stage == FROZEN else SINGLE), hands(grouped, meshes)
        train_both(made, data, SEVERAL, folder, stage, callbacks=[StillNorms()], gradient_clip_val=1.0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the notes of every training."""
    folder = tmp_path_factory.mktemp("trained")
    in_a_process("mvhm.tests.test_two_processes_mvhm", folder)
    return folder


@pytest.mark.parametrize("stage", STAGES)
def test_two_processes_train_as_one(stage, trained):
    # biases that began as nothing are nearly nothing still: more than a ten-thousandth is rounding
    rounding = {"rel": 1e-3, "abs": 1e-12} if stage == FROZEN else {}
    assert_as_one(trained, stage, steps=4, **rounding)
