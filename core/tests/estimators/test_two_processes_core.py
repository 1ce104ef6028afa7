"""Two processes train onehand's and hand3d's stages as one does that sees the same hands whole.

What is drawn at random for each picture is left out, and batch normalisation is held still: each process would draw,
and norm, by its own share.
"""

from dataclasses import replace
from functools import partial

import pytest
import pytorch_lightning as pl
import torch
from core.tests.estimators.small_onehand import SMALL
from core.tests.estimators.test_hand3d_module import GIVEN, OBJECTIVES
from core.tests.estimators.test_hand3d_module import SMALL as SMALL_HAND3D
from core.tests.training.as_one import BATCH, SEVERAL, assert_as_one, in_a_process, train_both
from torch import nn

from handpose_core.estimators.hand3d.module import Hand3DModule
from handpose_core.estimators.onehand import module as onehand
from handpose_core.estimators.onehand.canonical_crop import OrientedBox
from handpose_core.estimators.onehand.detector_sampling import DetectorSamples
from handpose_core.estimators.onehand.module import OneHandModule

LITE = replace(SMALL, backbone="lite0")
#: onehand's, by name: the network and the part that is trained.
ONEHAND = {
    "pose": (SMALL, "pose"),
    "pose, all of lite0": (LITE, "pose"),
    "pose, lite0 frozen in part": (replace(LITE, frozen_blocks=5), "pose"),
    "detector": (SMALL, "detector"),
    "all": (SMALL, "all"),
    "presence": (SMALL, "presence"),
}


class StillNorms(pl.Callback):
    """Holds batch normalisation still."""

    def on_train_batch_start(self, trainer, pl_module, *_):
        for layer in pl_module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()


def build_onehand(size, part):
    return OneHandModule(
        size, scale_mm=45.0, train_part=part, detector_crop_prob=0.0, flip_prob=0.0,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.03),
    )  # fmt: skip


def build_hand3d(objective):
    return Hand3DModule(
        SMALL_HAND3D, GIVEN, objective, scale_mm=45.0,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.03),
    )  # fmt: skip


def no_hand_there(image, joints_2d, mask, negatives=None):
    """The pictures without their hands, in place of farther ones that are drawn at random."""
    there = torch.zeros(len(image), dtype=torch.bool)
    return DetectorSamples(torch.zeros_like(image), joints_2d, there, ~there)


def train_all(folder):
    """Every stage by one process and by two, which are not told to look for parameters without a gradient."""
    batch = torch.load(folder / "hands.pt", weights_only=True)
    data = [{key: value[i] for key, value in batch.items()} for i in range(len(batch["image"]))]
    OrientedBox.jittered = lambda self: self
    onehand.draw_detector_samples = no_hand_there
    made = {name: partial(build_onehand, *how) for name, how in ONEHAND.items()}
    made |= {name: partial(build_hand3d, objective) for name, objective in OBJECTIVES.items()}
    for name, build in made.items():
        # presence is learned from every other picture of a share: alike in all shares where a batch shows one hand
        shown = [data[i // BATCH] for i in range(len(data))] if name == "presence" else data
        train_both(build, shown, SEVERAL, folder, name, callbacks=[StillNorms()], gradient_clip_val=1.0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, eight_hands):
    """A folder with the notes of every training."""
    folder = tmp_path_factory.mktemp("trained")
    torch.save(eight_hands, folder / "hands.pt")
    in_a_process("core.tests.estimators.test_two_processes_core", folder)
    return folder


@pytest.mark.parametrize("stage", [*ONEHAND, *OBJECTIVES])
def test_two_processes_train_as_one(stage, trained):
    moved = 1e-3 if stage == "presence" else 1e-2  # its last layer alone learns so soon
    assert_as_one(trained, stage, steps=4, moved=moved, ratios=("train/iou",))
