"""From a folder of real hands and one of simulated ones to a folder of superposed ones, by the command."""

import json
import shutil
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from tagan.tests.drawn import draw_real, write_simulated

from handpose_core.cli.method import method_main
from handpose_core.datasets.folder import Folder
from handpose_core.errors import HandposeError
from handpose_tagan.cli import METHOD
from handpose_tagan.detection.detectors import (
    Detector,
    Keypoints,
    NetworkDetector,
    detected_hands,
    detector_of,
    labelled_hands,
    usable,
)
from handpose_tagan.simulation.reader import SimulatedFolder
from handpose_tagan.superposition.bulk import NO_MATCH, Tally, superpose_all
from handpose_tagan.superposition.compose import Superposition
from handpose_tagan.superposition.hands import RealHand, Unfit
from handpose_tagan.superposition.matching import Similarity

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return write_simulated(tmp_path_factory.mktemp("simulated"))


@pytest.fixture
def real(tmp_path):
    """Four pictures: two of use, one with too few keypoints, one that is too small for its hand."""
    root = tmp_path / "real"
    root.mkdir()
    hands = [draw_real(), draw_real(turn=-60), draw_real(), draw_real((60, 400), turn=0)]
    for number, hand in enumerate(hands):
        cv2.imwrite(str(root / f"{number}.png"), cv2.cvtColor(hand.image, cv2.COLOR_RGB2BGR))
    annotated = np.ones((4, 21), bool)
    annotated[2, 11:] = False
    np.savez(root / "labels.npz", joints_2d=np.stack([hand.joints_2d for hand in hands]), annotated=annotated)
    return root


def test_what_fits_is_made_and_what_does_not_is_counted(real, simulated, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["superpose", str(real), str(simulated), str(out), "--size", "128", "--each", "2"]
    assert method_main("tagan", METHOD, arguments) == 0
    assert "4 superposed hands from 4 real pictures" in capsys.readouterr().out
    record = json.loads((out / "superposed.json").read_text())
    assert (record["seen"], record["made"]) == (4, 4)
    assert record["skipped"] == {"background smaller than the crop": 2, "fewer than 12 keypoints": 1}
    assert (record["real"], record["simulated"], record["seed"]) == ("real", simulated.name, 0)
    assert record["keypoints"] == {"labels": "auto"}
    assert record["options"] == {"each": 2, "maps": "similarity", "size": 128}
    samples = Folder(out)
    assert len(samples) == 4
    for number in range(4):
        sample = samples[number]
        assert sample["image"].shape == (3, 128, 128)
        mask = cv2.imread(str(out / "masks" / f"{number:08d}.png"), cv2.IMREAD_GRAYSCALE) > 0
        column, row = sample["joints_2d"].round().long().T.numpy()
        assert mask[row, column].all()
        projected = sample["joints_3d"] @ sample["K"].T
        np.testing.assert_allclose(projected[:, :2] / projected[:, 2:], sample["joints_2d"], atol=1e-3)


def test_a_folder_is_not_written_into_twice_and_nothing_at_all_is_an_error(real, simulated, tmp_path, capsys):
    arguments = ["superpose", str(real), str(simulated)]
    assert method_main("tagan", METHOD, [*arguments, str(real)]) == 2
    assert "expected a new or empty one" in capsys.readouterr().err
    labels = dict(np.load(real / "labels.npz"))
    labels["annotated"][:] = False
    np.savez(real / "labels.npz", **labels)
    assert method_main("tagan", METHOD, [*arguments, str(tmp_path / "none")]) == 2
    assert "skipped: 4 fewer than 12 keypoints" in capsys.readouterr().err
    (real / "labels.npz").unlink()
    assert method_main("tagan", METHOD, [*arguments, str(tmp_path / "none")]) == 2
    assert "Give a --detector instead" in capsys.readouterr().err


def test_a_folder_without_images_is_named(simulated, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    arguments = ["superpose", str(tmp_path / "empty"), str(simulated), str(tmp_path / "out")]
    assert method_main("tagan", METHOD, arguments) == 2
    assert "empty" in capsys.readouterr().err


def test_mirrored_hands_and_hands_that_cover_nothing_are_counted(real, simulated, tmp_path, capsys):
    arguments = ["superpose", str(real), str(simulated), str(tmp_path / "none"), "--maps", "affine"]
    labels = dict(np.load(real / "labels.npz"))
    np.savez(real / "labels.npz", **labels | {"joints_2d": labels["joints_2d"] * [-1, 1] + [400, 0]})
    assert method_main("tagan", METHOD, arguments) == 2  # an affine map would have to mirror them
    assert "skipped: 3 no match, 1 fewer than 12 keypoints" in capsys.readouterr().err
    np.savez(real / "labels.npz", **labels)
    clear = write_simulated(tmp_path / "clear")
    for path in (clear / "hands" / "images").iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_UNCHANGED) * np.array([1, 1, 1, 0], np.uint8))
    assert method_main("tagan", METHOD, [arguments[0], str(real), str(clear), str(tmp_path / "none")]) == 2
    assert "3 empty alpha" in capsys.readouterr().err


class Red(Detector):
    """Sees a hand where there is red, and is surest of its first joints."""

    def detect(self, image):
        if (image[..., 0] > 200).sum() < 100:
            return None
        joints = np.argwhere(image[..., 0] > 200)[:21, ::-1].astype(float)
        return Keypoints(joints, np.linspace(1, 0, 21))


def test_a_detector_is_asked_for_every_picture(real):
    cv2.imwrite(str(real / "9.png"), np.zeros((50, 50, 3), np.uint8))
    found = list(detected_hands(real, Red(), threshold=0.25))
    assert [isinstance(hand, RealHand) for hand in found] == [True, True, True, True, False]
    assert found[0].present.sum() == 16
    assert found[4].reason == "no hand found"
    unsure = list(detected_hands(real, Red(), threshold=0.5))
    assert {hand.reason for hand in unsure} == {"fewer than 12 keypoints", "no hand found"}


def test_keypoints_that_are_not_finite_do_not_count():
    hand = draw_real()
    joints = hand.joints_2d.copy()
    joints[:5] = np.nan
    kept = usable(RealHand(hand.image, joints, hand.present))
    assert isinstance(kept, RealHand)
    assert kept.present.sum() == 16
    joints[:10] = np.nan
    assert isinstance(usable(RealHand(hand.image, joints, hand.present)), Unfit)


def test_a_network_sees_the_picture_squared_and_answers_in_its_pixels():
    class Constant:
        """Answers with one place of the square."""

        device = "cpu"

        def eval(self):
            return self

        def inputs(self, batch):
            self.image = batch["image"]
            return (self.image,)

        def __call__(self, image):
            return image

        def decode(self, output, size):
            return SimpleNamespace(joints_2d=torch.tensor([[[31.5, 16.0]]]).repeat(1, 21, 1), scores=torch.ones(1, 21))

    network = Constant()
    detector = NetworkDetector.__new__(NetworkDetector)
    detector.module, detector.image_size = network, 64
    image = np.zeros((100, 200, 3), np.uint8)
    seen = detector.detect(image)
    # 200 px become 64: the square's middle is the picture's, and 16 lies 15.5 * 200 / 64 px above it
    np.testing.assert_allclose(seen.joints_2d[0], [99.5, 49.5 - 15.5 * 200 / 64])


def test_a_detector_that_is_no_pose_network_is_refused(tmp_path):
    with pytest.raises(HandposeError, match="no such file"):
        detector_of(tmp_path / "none.ckpt", 64)
    torch.save({"handpose_class": "handpose_tagan.module.TAGANModule"}, tmp_path / "gan.ckpt")
    with pytest.raises(HandposeError, match=r"a checkpoint of handpose_tagan\.module\.TAGANModule"):
        detector_of(tmp_path / "gan.ckpt", 64)


def test_other_pictures_in_a_folder_of_the_same_name_are_superposed_anew(real, simulated, tmp_path, capsys):
    """The record is of the pictures and their labels, not of their folder's last name."""
    out, other = tmp_path / "out", tmp_path / "elsewhere" / "real"
    shutil.copytree(real, other)
    assert method_main("tagan", METHOD, ["superpose", str(real), str(simulated), str(out), "--size", "64"]) == 0
    capsys.readouterr()
    assert method_main("tagan", METHOD, ["superpose", str(other), str(simulated), str(out), "--size", "64"]) == 0
    assert "was finished before" in capsys.readouterr().out  # the same pictures, wherever they lie
    labels = dict(np.load(other / "labels.npz"))
    np.savez(other / "labels.npz", **{**labels, "joints_2d": labels["joints_2d"] + 1})
    assert method_main("tagan", METHOD, ["superpose", str(other), str(simulated), str(out), "--size", "64"]) == 2
    assert "a folder with files in it" in capsys.readouterr().err


def test_no_match_lays_no_hand_over_the_picture(simulated, real):
    """An index that finds fewer poses than it is asked for says -1: that is not hand 0."""

    class FindsOne:
        def __len__(self):
            return 2

        def match(self, query, present, count, family):
            return SimpleNamespace(indices=torch.tensor([[-1, -1]]), maps=torch.eye(2, 3).expand(1, 2, 2, 3))

    hands, tally = list(labelled_hands(real, "auto"))[:1], Tally()
    folder = SimulatedFolder(simulated)
    folder.index = FindsOne
    assert list(superpose_all(hands, folder, Superposition(size=64), Similarity(), 2, tally)) == []
    assert tally.skipped == {NO_MATCH: 2}
