"""Fixtures that several rooms use: hands drawn in the datasets' layouts, and where real samples are."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import jaxtyping
import numpy as np
import pytest

from handpose_core.datasets import freihand_layout, mhp_layout, stb_layout
from handpose_core.datasets.rhd_layout import BONE_CLASSES, SIZE, raw_joints
from handpose_core.hand import BONES, FINGERS, Side
from handpose_core.synth.layouts import cmu_ps as cmu_ps_writer
from handpose_core.synth.layouts import freihand as freihand_writer
from handpose_core.synth.layouts import mhp as mhp_writer
from handpose_core.synth.layouts import stb as stb_writer
from handpose_core.synth.layouts.images import write_image
from handpose_core.synth.layouts.rhd import RHDFrame, annotation, write_annotations, write_frame

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

K = np.array([[282.9, 0, 160], [0, 282.9, 160], [0, 0, 1]])
BACKGROUND_MM = 2000.0


@dataclass(frozen=True)
class DrawnHand:
    """A hand as it was drawn: what the reader should give back."""

    frame: RHDFrame
    side: Side
    joints_2d: np.ndarray
    joints_3d: np.ndarray
    visible: np.ndarray


def _open_hand(side: Side) -> np.ndarray:
    """(21, 3) mm: flat, fingers fanned out, the thumb towards +x for a right hand."""
    angles = np.radians([40, 15, 0, -12, -25])
    palms, phalanges = [40, 90, 90, 85, 80], [(40, 32, 25), (40, 25, 20), (45, 28, 20), (40, 26, 20), (32, 20, 18)]
    joints = [np.zeros(3)]
    for i in range(len(FINGERS)):
        direction = np.array([np.sin(angles[i]), -np.cos(angles[i]), 0.0])
        joints += [direction * (palms[i] + sum(phalanges[i][:k])) for k in range(4)]
    mirror = np.array([1.0 if side == Side.RIGHT else -1.0, 1, 1])
    return np.stack(joints) * mirror


def _rotation(rng: np.random.Generator) -> np.ndarray:
    x, y, z = rng.uniform([-0.6, -0.6, -np.pi], [0.6, 0.6, np.pi])
    return cv2.Rodrigues(np.array([0, 0, z]))[0] @ cv2.Rodrigues(np.array([x, y, 0]))[0]


def _draw(rng: np.random.Generator, side: Side) -> DrawnHand:
    joints = _open_hand(side)
    joints = (joints - joints[9]) @ _rotation(rng).T + rng.uniform([-60, -60, 450], [60, 60, 700])
    pixels = joints @ K.T
    pixels = pixels[:, :2] / pixels[:, 2:]
    classes = np.full((SIZE, SIZE), 1, np.uint8)
    depth = np.full((SIZE, SIZE), BACKGROUND_MM)
    colour = rng.integers(0, 90, (SIZE, SIZE, 3), np.uint8)
    for bone, (start, end) in enumerate(BONES):
        ends = [tuple(int(v) for v in np.rint(pixels[j])) for j in (start, end)]
        for image, value in ((classes, BONE_CLASSES[side][bone]), (depth, float(joints[[start, end], 2].mean()))):
            cv2.line(image, *ends, value, 9)
    colour[classes > 1] = (210, 160, 130)
    visible = rng.random(21) < 0.8
    visible[0] = True
    uv_vis, xyz = raw_joints(pixels, visible, joints, side)
    frame = RHDFrame(colour, depth, classes, uv_vis, xyz, K)
    return DrawnHand(frame, side, pixels, joints, visible)


@pytest.fixture(scope="session")
def draw_hand() -> Callable[[np.random.Generator, Side], DrawnHand]:
    """Draws one hand at random, wholly inside the image."""
    return _draw


@pytest.fixture(scope="session")
def drawn_hands() -> dict[str, list[DrawnHand]]:
    """What `rhd_root` holds, in the order of its frames."""
    rng = np.random.default_rng(0)
    return {
        split: [_draw(rng, Side(i % 2)) for i in range(count)] for split, count in (("training", 12), ("evaluation", 7))
    }


@pytest.fixture(scope="session")
def rhd_root(tmp_path_factory: pytest.TempPathFactory, drawn_hands: dict[str, list[DrawnHand]]) -> Path:
    """A folder in RHD's layout with 12 training and 7 evaluation frames; copy it before changing it."""
    root = tmp_path_factory.mktemp("rhd")
    for split, hands in drawn_hands.items():
        for number, hand in enumerate(hands):
            write_frame(root, split, number, hand.frame)
        write_annotations(root, split, {number: annotation(hand.frame) for number, hand in enumerate(hands)})
    return root


def _motion(side: Side, frames: int, start: int = 0) -> np.ndarray:
    """(frames, 21, 3) mm, wrist in place: a hand half a metre away that turns and drifts smoothly."""
    hand = _open_hand(side)
    moved = []
    for time in np.arange(start, start + frames):
        turn = cv2.Rodrigues(np.array([0.3 * np.sin(time / 5), 0.4 * np.cos(time / 7), time / 40]))[0]
        moved.append((hand - hand[9]) @ turn.T + [30 * np.sin(time / 9), 20 * np.cos(time / 6), 550 + 2 * time])
    return np.stack(moved)


def _pixels(joints: np.ndarray, K: np.ndarray) -> np.ndarray:
    pixels = joints @ K.T
    return pixels[..., :2] / pixels[..., 2:]


def _picture(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """A smooth background with the hand's bones on it."""
    image = np.zeros((height, width, 3), np.uint8)
    image[...] = np.linspace(20, 90, width)[:, None]
    for start, end in BONES:
        ends = [tuple(int(v) for v in np.rint(pixels[j])) for j in (start, end)]
        cv2.line(image, *ends, (210, 160, 130), 9)
    return image


def _depth_picture(joints: np.ndarray, K: np.ndarray, width: int, height: int) -> np.ndarray:
    """mm: a wall, and the hand's bones before it."""
    depth, pixels = np.full((height, width), 1500.0), _pixels(joints, K)
    for start, end in BONES:
        ends = [tuple(int(v) for v in np.rint(pixels[j])) for j in (start, end)]
        cv2.line(depth, *ends, float(joints[[start, end], 2].mean()), 15)
    return depth


STB_FRAMES = 5
STB_RULE = "ring_2.0"


@dataclass(frozen=True)
class DrawnSTB:
    """A folder in STB's layout, and the joints (mm, wrist in place by STB_RULE) of every camera and sequence."""

    root: Path
    joints: dict[str, dict[str, np.ndarray]]


@pytest.fixture(scope="session")
def drawn_stb(tmp_path_factory: pytest.TempPathFactory) -> DrawnSTB:
    """All 12 sequences of STB with STB_FRAMES frames each; copy it before changing it."""
    root, cameras = tmp_path_factory.mktemp("stb"), stb_layout.CAMERAS
    drawn: dict[str, dict[str, np.ndarray]] = {name: {} for name in cameras}
    for number, sequence in enumerate(stb_layout.SEQUENCES):
        sk = _motion(Side.LEFT, STB_FRAMES, 10 * number)
        left = sk + np.array([40, 10, 60])
        right = left - [stb_layout.BASELINE_MM, 0, 0]
        for name, joints in (("sk", sk), ("bb_left", left), ("bb_right", right)):
            drawn[name][sequence] = joints
        for frame in range(STB_FRAMES):
            colours = {
                camera.kind: _picture(_pixels(drawn[name][sequence][frame], camera.K), 640, 480)
                for name, camera in cameras.items()
            }
            depth = _depth_picture(cameras["sk"].to_labels(sk[frame]), stb_layout.SK_DEPTH_K, 640, 480)
            stb_writer.write_frame(root, sequence, frame, colours, depth)
        for name in ("sk", "bb_left"):
            stb_writer.write_labels(root, sequence, cameras[name], drawn[name][sequence], STB_RULE)
    return DrawnSTB(root, drawn)


MHP_FRAMES = 3
MHP_RULE = "ring_2.0"


@dataclass(frozen=True)
class DrawnMHP:
    """A folder in MHP's layout, and the world joints (mm, wrist in place by MHP_RULE) of every sequence."""

    root: Path
    joints: dict[int, np.ndarray]


@pytest.fixture(scope="session")
def drawn_mhp(tmp_path_factory: pytest.TempPathFactory) -> DrawnMHP:
    """All 21 sequences of MHP with MHP_FRAMES frames each before four cameras; copy it before changing it."""
    root, drawn, tvec = tmp_path_factory.mktemp("mhp"), {}, np.array([0.0, 0, 550])
    rvecs = {camera: np.array([0.1, np.radians(30 * camera - 75), 0.05 * camera]) for camera in mhp_layout.CAMERAS}
    for sequence in range(1, 22):
        drawn[sequence] = _motion(Side.RIGHT, MHP_FRAMES, 10 * sequence) - [0, 0, 550 + 20 * sequence]
        for camera, rvec in rvecs.items():
            mhp_writer.write_calibration(root, sequence, camera, rvec, tvec)
        for frame, joints in enumerate(drawn[sequence]):
            views = {camera: _mhp_view(joints, rvec, tvec) for camera, rvec in rvecs.items()}
            mhp_writer.write_frame(root, sequence, frame, joints, views, MHP_RULE)
    return DrawnMHP(root, drawn)


def _mhp_view(joints: np.ndarray, rvec: np.ndarray, tvec: np.ndarray) -> mhp_writer.MHPView:
    pixels = cv2.projectPoints(joints, rvec, tvec, mhp_layout.K, mhp_layout.DISTORTION)[0][:, 0]
    box = np.concatenate([pixels.min(0) - 20, pixels.max(0) + 20])
    return mhp_writer.MHPView(_picture(pixels, 640, 480), joints @ cv2.Rodrigues(rvec)[0].T + tvec, box)


@dataclass(frozen=True)
class DrawnPhotograph:
    """One hand of CMU-PS as it was drawn."""

    pixels: np.ndarray
    valid: np.ndarray
    side: Side


@dataclass(frozen=True)
class DrawnCMUPS:
    """A folder in CMU-PS's layout, and the hands of every part by name."""

    root: Path
    hands: dict[str, dict[str, DrawnPhotograph]]


@pytest.fixture(scope="session")
def drawn_cmu_ps(tmp_path_factory: pytest.TempPathFactory) -> DrawnCMUPS:
    """12 hands of 6 photographs in manual_train, 4 in manual_test and 5 in hands_v143; copy it before changing it."""
    root, rng = tmp_path_factory.mktemp("cmu_ps"), np.random.default_rng(0)
    hands: dict[str, dict[str, DrawnPhotograph]] = {"manual_train": {}, "manual_test": {}, "hands_v143": {}}
    for start, (part, count) in enumerate((("manual_train", 12), ("manual_test", 4), ("hands_v143", 5))):
        for i in range(count):
            side = Side(i % 2)
            name = f"imgs/{i:08d}.jpg" if part == "hands_v143" else f"{i // 2:09d}_01_{'lr'[side]}"
            pixels = _pixels(_motion(side, 1, 7 * i + start)[0], K)
            valid = rng.random(21) < 0.8
            valid[[0, 9]] = True
            hands[part][name] = DrawnPhotograph(np.where(valid[:, None], pixels, 0), valid, side)
            picture = _picture(pixels, 300 + 10 * i, 320)
            if part == "hands_v143":
                write_image(root / name, picture)
            else:
                cmu_ps_writer.write_hand(root, part, name, picture, hands[part][name].pixels, valid, side)
    listed = {name: (hand.pixels, hand.valid) for name, hand in hands["hands_v143"].items()}
    cmu_ps_writer.write_list(root, listed)
    return DrawnCMUPS(root, hands)


FREIHAND_K = np.array([[480.0, 0, 112], [0, 482, 110], [0, 0, 1]])


@dataclass(frozen=True)
class DrawnFreiHAND:
    """A folder in FreiHAND's layout, and the joints and vertices (mm) of every pose."""

    root: Path
    joints: dict[str, np.ndarray]
    vertices: dict[str, np.ndarray]


@pytest.fixture(scope="session")
def drawn_freihand(tmp_path_factory: pytest.TempPathFactory) -> DrawnFreiHAND:
    """5 training poses in four versions and 3 evaluation poses; copy it before changing it."""
    root = tmp_path_factory.mktemp("freihand")
    joints = {"training": _motion(Side.RIGHT, 5) * 1.2, "evaluation": _motion(Side.RIGHT, 3, 30) * 1.2}
    vertices = {split: np.concatenate([poses, poses + 5], axis=1) for split, poses in joints.items()}
    for split, poses in joints.items():
        for version in freihand_layout.VERSIONS[: 4 if split == "training" else 1]:
            for pose, hand in enumerate(poses):
                number = freihand_layout.image_number(pose, version, len(poses))
                freihand_writer.write_image(root, split, number, _picture(_pixels(hand, FREIHAND_K), 224, 224))
        freihand_writer.write_labels(root, split, np.stack([FREIHAND_K] * len(poses)), poses, vertices[split])
    return DrawnFreiHAND(root, joints, vertices)


@dataclass(frozen=True)
class DrawnFolder:
    """A folder of images with labels.npz, and the joints (mm) of every image."""

    root: Path
    joints: np.ndarray


@pytest.fixture(scope="session")
def drawn_folder(tmp_path_factory: pytest.TempPathFactory) -> DrawnFolder:
    """12 consecutive images of a left hand, 320 x 240, in images/; copy it before changing it."""
    root, joints = tmp_path_factory.mktemp("folder"), _motion(Side.LEFT, 12)
    camera = np.array([[282.9, 0, 160], [0, 282.9, 120], [0, 0, 1]])
    for number, hand in enumerate(joints):
        write_image(root / "images" / f"{number}.png", _picture(_pixels(hand, camera), 320, 240))
    np.savez(root / "labels.npz", joints_3d=joints, K=camera)
    return DrawnFolder(root, joints)


@pytest.fixture(scope="session", params=["avi", "mp4"])
def drawn_video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 20 frames of 64 x 48, frame i of the grey 10 i + 20."""
    path = tmp_path_factory.mktemp("video") / f"clip.{request.param}"
    code = cv2.VideoWriter_fourcc(*{"avi": "MJPG", "mp4": "mp4v"}[request.param])
    writer = cv2.VideoWriter(str(path), code, 10, (64, 48))
    for number in range(20):
        writer.write(np.full((48, 64, 3), 10 * number + 20, np.uint8))
    writer.release()
    return path


@pytest.fixture(scope="session")
def real_samples() -> Path:
    """The folder of real samples, or a skip."""
    samples = os.environ.get("HANDPOSE_SAMPLES")
    if not samples or not Path(samples).is_dir():
        pytest.skip("no real samples: set HANDPOSE_SAMPLES to the folder that holds rhd/, stb/, ...")
    return Path(samples)


@pytest.fixture(scope="session")
def real_rhd() -> Path:
    """The real RHD samples, or a skip."""
    samples = os.environ.get("HANDPOSE_SAMPLES")
    if not samples or not (Path(samples) / "rhd").is_dir():
        pytest.skip("no real RHD samples: set HANDPOSE_SAMPLES to the folder that holds rhd/")
    return Path(samples) / "rhd"


@pytest.fixture
def no_type_check() -> Iterator[None]:
    """As outside of the tests: no annotation is checked, and the code itself refuses what does not fit."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
