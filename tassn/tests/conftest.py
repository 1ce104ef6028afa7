"""Hands for TASSN's tests: clips of a turning hand, as one small batch and as a folder of pictures with labels."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from handpose_core.hand import BONES
from handpose_core.rig import HandRig

SIDE, FRAMES = 32, 3


def hand(turn: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and joints (mm, camera frame) of the rig at rest, turned about the optical axis."""
    rig = HandRig()
    cosine, sine = np.cos(turn), np.sin(turn)
    rotation = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    middle = rig.data.joints.mean(0)
    vertices, joints = ((points - middle) @ rotation.T for points in (rig.data.vertices, rig.data.joints))
    away = np.array([0.0, 0.0, 500.0])
    return vertices + away, joints + away


def picture(pixels: np.ndarray, side: int) -> np.ndarray:
    """A skeleton drawn in thick skin-coloured lines on grey: RGB bytes."""
    canvas = np.full((side, side, 3), 40, np.uint8)
    for start, end in BONES:
        ends = [tuple(int(v) for v in np.rint(pixels[joint])) for joint in (start, end)]
        cv2.line(canvas, *ends, (210, 160, 130), max(2, side // 16))
    return canvas


def intrinsics(side: int) -> np.ndarray:
    """K (px) of a camera whose picture the hand fills."""
    return np.array([[2.0 * side, 0, (side - 1) / 2], [0, 2.0 * side, (side - 1) / 2], [0, 0, 1]])


def project(points: np.ndarray, K: np.ndarray) -> np.ndarray:
    pixels = points @ K.T
    return pixels[:, :2] / pixels[:, 2:]


@pytest.fixture(scope="session")
def drawn() -> dict[str, torch.Tensor]:
    """Two clips of three frames with meshes and masks, 32 px."""
    K, rows = intrinsics(SIDE), []
    for clip in range(2):
        frames = []
        for time in range(FRAMES):
            vertices, joints = hand(0.5 * clip + 0.2 * time)
            pixels = project(joints, K)
            image = picture(pixels, SIDE)
            frames.append(
                {
                    "image": torch.from_numpy(image).permute(2, 0, 1).float() / 255,
                    "joints_2d": torch.from_numpy(pixels).float(),
                    "joints_3d": torch.from_numpy(joints).float(),
                    "vertices": torch.from_numpy(vertices).float(),
                    "annotated": torch.ones(21, dtype=torch.bool),
                    "visible": torch.ones(21, dtype=torch.bool),
                    "mask": torch.from_numpy(image[..., 0] > 100)[None],
                    "mask_used": torch.tensor(True),
                    "K": torch.from_numpy(K).float(),
                    "index": torch.tensor(FRAMES * clip + time),
                }
            )
        rows.append({key: torch.stack([frame[key] for frame in frames]) for key in frames[0]})
    return {key: torch.stack([row[key] for row in rows]) for key in rows[0]}


@pytest.fixture
def clips(drawn: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A copy of them."""
    return {key: value.clone() for key, value in drawn.items()}


@pytest.fixture(scope="session")
def drawn_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of nine pictures of a turning hand, 96 px, with labels in 3D."""
    root, K, joints = tmp_path_factory.mktemp("video"), intrinsics(96), []
    for number in range(9):
        joints.append(hand(0.1 * number)[1])
        image = picture(project(joints[-1], K), 96)
        cv2.imwrite(str(root / f"{number}.png"), image[..., ::-1])
    labels = {"joints_3d": np.array(joints, np.float32), "K": np.tile(K, (9, 1, 1)).astype(np.float32)}
    np.savez(root / "labels.npz", **labels)
    return root


@pytest.fixture(scope="session")
def drawn_meshes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few generated hands with meshes."""
    pytest.importorskip("handpose_mvhm", reason="handpose-mvhm, which generates meshes, is not installed")
    from handpose_core.cli.main import main

    root = tmp_path_factory.mktemp("meshes") / "generated"
    options = ["--poses", "sampled", "--images", "12", "--views", "2", "--size", "64"]
    assert main(["mvhm", "generate", str(root), *options]) == 0
    return root
