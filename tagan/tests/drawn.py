"""A hand that is drawn, not rendered, and a picture of another one: enough to test geometry on."""

import json
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np

from handpose_core.hand import BONES, Side
from handpose_core.synth.generate import MANIFEST
from handpose_tagan.simulation.bulk import PART, colour_path, mask_path, twin
from handpose_tagan.superposition.hands import RealHand, SimulatedHand

K = np.array([[300.0, 0, 79.5], [0, 300.0, 79.5], [0, 0, 1]])


def hand_joints(rng: np.random.Generator) -> np.ndarray:
    """(21, 3) mm: five straight fingers from a wrist, half a metre before the camera."""
    angles = np.radians([50, 20, 0, -15, -30])
    fingers = [
        length * np.array([np.sin(angle), -np.cos(angle), rng.uniform(-0.3, 0.3)])
        for angle in angles
        for length in (50, 70, 85, 95)
    ]
    return np.stack([np.zeros(3), *fingers]) + np.array([0, 40, 500])


def draw_simulated(seed: int = 0) -> SimulatedHand:
    joints = hand_joints(np.random.default_rng(seed))
    pixels = joints @ K.T
    pixels = pixels[:, :2] / pixels[:, 2:]
    alpha = np.zeros((160, 160), np.uint8)
    for start, end in BONES:
        ends = [tuple(int(v) for v in np.rint(pixels[joint])) for joint in (start, end)]
        cv2.line(alpha, *ends, 255, 9)
    colour = np.where(alpha[..., None] > 0, np.array([210, 150, 120]), 128).astype(np.uint8)
    return SimulatedHand(
        rgba=np.concatenate([colour, alpha[..., None]], axis=-1),
        mask=alpha > 0,
        joints_2d=pixels,
        joints_3d=joints,
        visible=np.ones(21, bool),
        K=K,
        side=Side.LEFT,
    )


def draw_real(shape: tuple[int, int] = (300, 400), turn: float = 40.0, scale: float = 0.9) -> RealHand:
    """A red hand on a blue and green picture, as the simulated one of seed 1 but turned (degrees) and scaled."""
    hand = draw_simulated(1)
    angle = np.radians(turn)
    middle = np.array(shape[::-1]) / 2
    to = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    joints = (hand.joints_2d - hand.joints_2d.mean(0)) @ to.T + middle
    image = np.zeros((*shape, 3), np.uint8)
    image[..., 1], image[..., 2] = np.linspace(60, 180, shape[1])[None].astype(np.uint8), 150
    for start, end in BONES:
        ends = [tuple(int(v) for v in np.rint(joints[joint])) for joint in (start, end)]
        cv2.line(image, *ends, (255, 0, 0), 5)
    return RealHand(image, joints, np.ones(21, bool))


def write_simulated(root: Path, count: int = 3) -> Path:
    """Drawn hands, as `handpose tagan simulate` would write them."""
    hands = [draw_simulated(seed) for seed in range(count)]
    for number, hand in enumerate(hands):
        for path, pixels in (
            (colour_path(root / PART, number), cv2.cvtColor(hand.rgba, cv2.COLOR_RGBA2BGRA)),
            (mask_path(root / PART, number), hand.mask.astype(np.uint8) * 255),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), pixels)
    names = ("joints_2d", "joints_3d", "visible", "K", "side")
    rows = {name: np.stack([np.asarray(getattr(hand, name)) for hand in hands]) for name in names}
    np.savez(root / PART / "labels.npz", **rows)
    (root / MANIFEST).write_text(json.dumps(asdict(twin(0).recipe)))
    return root
