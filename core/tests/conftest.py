"""Fixtures that several rooms use: hands drawn in RHD's layout, and where real samples are."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from handpose_core.datasets.rhd_layout import BONE_CLASSES, SIZE, raw_joints
from handpose_core.hand import BONES, FINGERS, Side
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


@pytest.fixture(scope="session")
def real_rhd() -> Path:
    """The real RHD samples, or a skip."""
    samples = os.environ.get("HANDPOSE_SAMPLES")
    if not samples or not (Path(samples) / "rhd").is_dir():
        pytest.skip("no real RHD samples: set HANDPOSE_SAMPLES to the folder that holds rhd/")
    return Path(samples) / "rhd"
