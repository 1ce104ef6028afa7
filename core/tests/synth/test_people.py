"""Pictures of people: no hand on the mesh, every view shows somebody, the same bits however they are split up."""

import hashlib

import cv2
import pytest
import torch

from handpose_core.cli.main import main
from handpose_core.mesh import face_areas
from handpose_core.synth.backgrounds import ProceduralBackground
from handpose_core.synth.draws import frame_generator
from handpose_core.synth.people.body import PHENOTYPE, POSED, SIDES
from handpose_core.synth.people.person import People
from handpose_core.synth.people.posture import turn
from handpose_core.synth.people.regions import Regions
from handpose_core.synth.people.studio import VIEWS, Studio

pytest.importorskip("anny")

COUNT = 18


@pytest.fixture(scope="module")
def studio():
    return Studio(96, ProceduralBackground())


@pytest.fixture(scope="module")
def body(studio):
    return studio.body


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("people") / "pictures"
    assert main(people(root, "--workers", "2")) == 0
    return root


def people(root, *options):
    return ["data", "people", str(root), "--count", str(COUNT), "--size", "64", "--seed", "3", *options]


def digest(root):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(root.glob("*.jpg"))}


def test_the_body_has_no_hands(body):
    """What is left ends at the wrists, 15 mm beyond them at most, and is closed there."""
    seen = body.template[body.skin_faces.unique()]
    for side in SIDES:
        elbow, wrist = (body.heads[POSED.index(f"{bone}.{side}")] for bone in ("lowerarm01", "wrist"))
        along = torch.nn.functional.normalize(wrist - elbow, dim=0)
        near = torch.linalg.vector_norm(seen - wrist, dim=1) < 250
        assert ((seen[near] - wrist) @ along).max() < 15
    for cut in body.cut:
        covered = torch.isin(body.skin_faces, cut).all(1)
        assert face_areas(body.template[None], body.skin_faces[covered]).sum() > 500  # mm²


def test_faces_look_outwards(body):
    corners = body.template[body.skin_faces]
    volume = torch.linalg.det(corners.double()).sum() / 6
    assert 2e7 < volume < 1.2e8  # mm³ of a person


def test_turns_move_what_hangs_from_a_bone(body):
    shape = body.shape(dict.fromkeys(PHENOTYPE, 0.5), {})
    torch.testing.assert_close(body.pose(shape, {}), shape.vertices, atol=1e-3, rtol=0)
    raised = body.pose(shape, {"upperarm01.L": turn(2, torch.tensor(-1.2))})
    moved = (raised - shape.vertices).norm(dim=1) > 1
    assert moved[body.cut[0]].all()
    assert not moved[body.cut[1]].any()
    assert not moved[body.eyes].any()


def test_an_eye_has_white_iris_and_pupil(body):
    everybody = People(body)
    for number in range(3):
        person = everybody.draw(frame_generator(0, "test", number))
        bright = person.albedo[body.eyes].mean(1)
        assert bright.max() > 0.5
        assert bright.min() < 0.01


def test_nobodys_trunk_is_bare(body):
    everybody, regions = People(body), Regions(body)
    trunk = regions.on_torso & (body.template[:, 1] > -440)  # below the collarbones
    assert trunk.any()
    for number in range(40):
        assert (everybody._draw_clothes(frame_generator(2, "test", number)).worn[trunk] == 1).all()


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_shows_somebody(studio, view):
    pictures = [studio.picture(frame_generator(1, view, number), view) for number in range(4)]
    assert all(picture.shape == (96, 96, 3) for picture in pictures)
    assert min(picture.std() for picture in pictures) > 4


def test_pictures_are_numbered_and_of_the_size_asked_for(made):
    assert list(digest(made)) == [f"{number:06d}.jpg" for number in range(COUNT)]
    assert cv2.imread(str(made / "000000.jpg")).shape == (64, 64, 3)
    assert len(set(digest(made).values())) == COUNT


def test_it_goes_on_where_it_stopped_with_the_same_bits(made, tmp_path):
    root = tmp_path / "pictures"
    assert main(people(root, "--workers", "1")) == 0
    assert digest(root) == digest(made)
    (root / "000004.jpg").unlink()
    assert main(people(root)) == 0
    assert digest(root) == digest(made)


def test_another_size_in_the_same_folder_is_refused(made, capsys):
    assert main([*people(made), "--size", "80"]) == 2
    assert "size = 64" in capsys.readouterr().err
