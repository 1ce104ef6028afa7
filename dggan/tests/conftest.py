"""Hands for DGGAN's tests: drawn in RHD's layout by the package's own writer, and as one small batch."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from handpose_core.camera import project
from handpose_core.datasets.rhd_layout import BONE_CLASSES, SIZE, raw_joints
from handpose_core.hand import BONES, Side
from handpose_core.synth.layouts.rhd import RHDFrame, annotation, write_annotations, write_frame

K = np.array([[300.0, 0, 160], [0, 300.0, 160], [0, 0, 1]])


def joints(rng: np.random.Generator) -> np.ndarray:
    """(21, 3) mm: five straight fingers from a wrist, turned at random about the optical axis."""
    angles = np.radians([50, 20, 0, -15, -30]) + rng.uniform(-np.pi, np.pi)
    fingers = [
        length * np.array([np.sin(angle), -np.cos(angle), rng.uniform(-0.6, 0.6)])
        for angle in angles
        for length in (70, 105, 130, 150)
    ]
    return np.stack([np.zeros(3), *fingers]) + np.array([0, 0, 600])


def frame(rng: np.random.Generator) -> RHDFrame:
    hand = joints(rng)
    pixels = hand @ K.T
    pixels = pixels[:, :2] / pixels[:, 2:]
    classes, colour = np.ones((SIZE, SIZE), np.uint8), np.full((SIZE, SIZE, 3), 60, np.uint8)
    for bone, (start, end) in enumerate(BONES):
        ends = [tuple(int(v) for v in np.rint(pixels[joint])) for joint in (start, end)]
        cv2.line(classes, *ends, BONE_CLASSES[Side.RIGHT][bone], 7)
        cv2.line(colour, *ends, (200 - 8 * bone, 60 + 9 * bone, 120), 7)
    uv_vis, xyz = raw_joints(pixels, np.ones(21, bool), hand, Side.RIGHT)
    return RHDFrame(colour, np.where(classes > 1, 600.0, 2000.0), classes, uv_vis, xyz, K)


@pytest.fixture(scope="session")
def drawn_rhd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in RHD's layout: 6 training and 3 evaluation frames."""
    rng, root = np.random.default_rng(0), tmp_path_factory.mktemp("rhd")
    for split, count in (("training", 6), ("evaluation", 3)):
        frames = [frame(rng) for _ in range(count)]
        for number, drawn in enumerate(frames):
            write_frame(root, split, number, drawn)
        write_annotations(root, split, {number: annotation(drawn) for number, drawn in enumerate(frames)})
    return root


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    """Four hands in 64 px images."""
    rng = np.random.default_rng(1)
    hands = torch.tensor(np.array([joints(rng) for _ in range(4)]), dtype=torch.float32)
    intrinsics = torch.tensor([[85.0, 0, 31.5], [0, 85.0, 31.5], [0, 0, 1]]).expand(4, 3, 3)
    pixels = project(hands, intrinsics)
    image = torch.zeros(4, 64, 64, 3)
    for i in range(4):
        canvas = np.zeros((64, 64, 3), np.float32)
        for bone, (start, end) in enumerate(BONES):
            ends = [tuple(int(v) for v in pixels[i, joint].round()) for joint in (start, end)]
            cv2.line(canvas, *ends, (1 - bone / 20, bone / 20, 0.5), 3)
        image[i] = torch.from_numpy(canvas)
    everything = torch.ones(4, 21, dtype=torch.bool)
    return {
        "image": image.permute(0, 3, 1, 2).contiguous(),
        "joints_2d": pixels,
        "joints_3d": hands,
        "annotated": everything,
        "visible": everything.clone(),
        "K": intrinsics,
        "index": torch.arange(4),
    }


@pytest.fixture
def depth_batch(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The four hands with depth maps, their own and another's."""
    torch.manual_seed(3)
    mask = torch.zeros(4, 1, 64, 64, dtype=torch.bool)
    mask[:, :, 20:44, 20:44] = True
    depth = torch.where(mask, 500 + 100 * torch.rand(4, 1, 64, 64), 0)
    return {**batch, "depth": depth, "mask": mask, "unpaired_depth": depth.roll(1, 0)}
