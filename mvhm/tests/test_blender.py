"""Blender in the place of our shading: the same hand at the same place, and nothing else changed."""

import importlib.util
import json
import os
import struct
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from mvhm.tests.conftest import Here, files_of

from handpose_core.cli.main import main
from handpose_core.datasets.mvhm import MVHM
from handpose_core.datasets.mvhm_layout import MANIFEST, SPLITS
from handpose_core.errors import HandposeError
from handpose_core.rig import pose_from_angles
from handpose_core.synth.backgrounds import ProceduralBackground
from handpose_core.synth.draws import frame_generator
from handpose_core.synth.frame import FAR
from handpose_core.synth.source import SourceLook
from handpose_core.synth.world import World
from handpose_mvhm.generate.blender.interpreter import PYTHON, Interpreter
from handpose_mvhm.generate.blender.painter import CyclesPainter, request
from handpose_mvhm.generate.renderers import blenders_name, painter
from handpose_mvhm.generate.run import generate
from handpose_mvhm.generate.scenes import draw_person, draw_views
from handpose_mvhm.generate.work import _studio

SIZE = 96
needs_blender = pytest.mark.skipif(PYTHON not in os.environ, reason=f"{PYTHON} names no Python with Blender's bpy")


class Noted:
    """Leaves a picture as it is, or gives it another's, and keeps what it was asked for."""

    def __init__(self, other=None):
        self.other = other

    def paint(self, picture, sight):
        self.ours, self.sight = picture, sight
        self.painted = self.other.paint(picture, sight) if self.other else picture
        return self.painted


def shoot(paints, person_number=0, views=3):
    """Frames of one person's hand, painted by whom."""
    world = World(SourceLook(), (SIZE, SIZE), painter=paints)
    generator = frame_generator(0, "blender", person_number)
    person = draw_person(world.look, SIZE, generator)
    pose = pose_from_angles(world.rig, world.poses.sample(1, generator))
    joints = world.rig(pose, person.shape[None]).joints[0]
    _, scenes = draw_views(person, pose[0], joints, views, SIZE, ProceduralBackground(), generator)
    return world.make_views(scenes, [generator] * views)


@pytest.fixture(scope="module")
def interpreter():
    blender = Interpreter(os.environ[PYTHON])
    yield blender
    blender.close()


@needs_blender
@pytest.mark.parametrize("person", [0, 1])
def test_cycles_sees_the_hand_where_we_do(interpreter, person):
    noted = Noted(CyclesPainter(interpreter, samples=4))
    frames = shoot(noted, person)
    ours, cycles = (picture.coverage[:, 0] > 0.5 for picture in (noted.ours, noted.painted))
    overlap = (ours & cycles).sum((1, 2)) / (ours | cycles).sum((1, 2))
    assert overlap.min() > 0.97
    for frame, alpha in zip(frames, noted.painted.coverage[:, 0], strict=True):
        column, row = frame.joints_2d[frame.visible].round().astype(int).T
        assert alpha[row, column].min() > 0  # a tip may lie on the outline
        assert alpha[row, column].mean() > 0.9


@needs_blender
def test_cycles_light_and_skin_are_like_ours(interpreter):
    noted = Noted(CyclesPainter(interpreter, samples=8))
    painted, own = shoot(noted), shoot(None)
    ours, cycles = noted.ours.colour, noted.painted.colour
    inside = ((noted.ours.coverage > 0.99) & (noted.painted.coverage > 0.99)).expand_as(ours)
    torch.testing.assert_close(cycles[inside].mean(), ours[inside].mean(), rtol=0.25, atol=0)
    assert np.corrcoef(cycles[inside].numpy(), ours[inside].numpy())[0, 1] > 0.8
    for theirs, frame in zip(painted, own, strict=True):
        np.testing.assert_array_equal(theirs.depth, frame.depth)
        np.testing.assert_array_equal(theirs.segments, frame.segments)
        assert np.abs(theirs.colour.astype(int) - frame.colour)[frame.depth < FAR].mean() < 40
        assert np.abs(theirs.colour.astype(int) - frame.colour)[theirs.coverage + frame.coverage == 0].max() < 30


@needs_blender
def test_a_picture_does_not_depend_on_those_before_it(interpreter):
    noted = Noted()
    shoot(noted)
    asked = vars(request(noted.sight, samples=2))
    turned = {name: value[::-1] if value.ndim and len(value) == 3 else value for name, value in asked.items()}
    turned |= {name: asked[name] for name in ("size", "samples", "faces", "tile")}
    first, again, backwards = (interpreter.draw(asking) for asking in (asked, asked, turned))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, backwards[::-1])


@needs_blender
def test_only_the_pictures_differ_in_a_dataset(made, tmp_path):
    python = os.environ[PYTHON]
    recipe = replace(made.recipe, images=6, held_out=0.3)
    cycles_recipe = replace(recipe, renderer=blenders_name(python))
    try:
        for _ in generate(tmp_path / "ours", recipe, made.poses, Here()):
            pass
        for _ in generate(tmp_path / "cycles", cycles_recipe, made.poses, Here(), python):
            pass
    finally:
        _studio.cache_clear()
    assert json.loads((tmp_path / "cycles" / MANIFEST).read_text())["recipe"]["renderer"].startswith("blender 4")
    for split in SPLITS:
        ours, cycles = (MVHM(root, split, vertices=True) for root in (tmp_path / "ours", tmp_path / "cycles"))
        for i in range(len(ours)):
            one, other = ours[i], cycles[i]
            assert (one.pop("image") != other.pop("image")).any()
            torch.testing.assert_close(other, one, rtol=0, atol=0)


class Grey(Interpreter):
    """Says that Blender saw half of every pixel grey."""

    def __init__(self):
        pass

    def draw(self, asked):
        self.asked = asked
        return np.full((len(asked["K"]), *asked["size"], 4), [0.1, 0.1, 0.1, 0.5], np.float32)


def test_what_blender_draws_is_laid_over_the_background():
    grey = Grey()
    frames = shoot(CyclesPainter(grey))
    own = shoot(None)
    for frame, ours in zip(frames, own, strict=True):
        np.testing.assert_array_equal(frame.coverage, 0.5)
        np.testing.assert_array_equal(frame.depth, ours.depth)
        assert (frame.colour != ours.colour).any()


def test_our_scene_in_blenders_terms():
    noted = Noted()
    shoot(noted)
    sight = noted.sight
    asked = request(sight, 5)
    assert asked.samples == 5
    assert asked.albedo.shape == (3, len(sight.vertices[0]), 4)
    assert (asked.albedo[..., 3] == 1).all()
    # every camera sees the light and up from elsewhere; in the world they are the same
    for directions, up, to_light in zip(asked.directions, asked.up, sight.to_light.numpy(), strict=True):
        np.testing.assert_allclose(directions @ to_light.T, sight.light.directions[0].numpy(), atol=1e-6)
        np.testing.assert_allclose(to_light @ up, [0, -1, 0], atol=1e-6)
    skin, cloth = asked.flesh[0] > 0, asked.flesh[0] == 0
    assert skin.any()
    assert cloth.any()
    np.testing.assert_allclose(asked.flesh[0][skin], float(sight.light.wrap[0]))
    assert not asked.specular[0][cloth].any()
    # GGX at its peak: reflectance / (4 alpha²) is Blinn-Phong's strength, where "Specular IOR Level" 1 reflects 8 %
    strength = 0.08 * asked.specular[0] / (4 * asked.roughness[0] ** 4)
    np.testing.assert_allclose(strength, sight.surface.gloss[0].numpy(), rtol=1e-5)


def test_a_python_that_is_not_there_is_named(tmp_path):
    with pytest.raises(HandposeError, match=r"no-python: found it does not run .*pip install bpy"):
        Interpreter(str(tmp_path / "no-python"))


@pytest.mark.skipif(importlib.util.find_spec("bpy") is not None, reason="this Python has Blender")
def test_a_python_without_blender_is_named_with_its_error():
    with pytest.raises(HandposeError, match="No module named 'bpy'"):
        Interpreter(sys.executable)


def test_a_program_that_is_no_python_is_named():
    with pytest.raises(HandposeError, match="starts with an error: exit status 0"):
        Interpreter("echo")


def test_a_job_that_dies_is_told_with_its_last_words(tmp_path):
    """It greets, and is killed for memory, say."""
    python = tmp_path / "python"
    (tmp_path / "greeting").write_bytes(struct.pack("<q", 1) + b"9")
    python.write_text(f"#!/bin/sh\ncat {tmp_path}/greeting\nhead -c 9 >/dev/null\necho out of memory >&2\nexit 1\n")
    python.chmod(0o755)
    blender = Interpreter(str(python))
    assert blender.version == "9"
    with pytest.raises(HandposeError, match="answers with an error: out of memory"):
        blender.draw({"K": np.zeros(1)})
    with pytest.raises(HandposeError, match=r"found blender 9; expected blender 4\.2\.0, as everywhere else"):
        painter("blender 4.2.0", str(python))


def test_another_renderer_does_not_go_on_with_a_dataset(made, tmp_path):
    with pytest.raises(HandposeError, match=r"found renderer = torch; expected renderer = blender 4\.2\.0"):
        made.make(made.root, renderer="blender 4.2.0")
    made.make(tmp_path / "old")
    manifest = json.loads((tmp_path / "old" / MANIFEST).read_text())
    assert manifest["recipe"].pop("renderer") == "torch"  # before there was another
    (tmp_path / "old" / MANIFEST).write_text(json.dumps(manifest))
    before = files_of(tmp_path / "old")
    made.make(tmp_path / "old")
    assert files_of(tmp_path / "old") == before


def test_the_command_asks_for_blender_before_any_work(tmp_path, capsys):
    options = ("--poses", "sampled", "--images", "8", "--renderer", "blender", "--blender-python", "no-python")
    assert main(["mvhm", "generate", str(tmp_path / "out"), *options]) != 0
    assert "--blender-python no-python" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
