"""The reader on the authors' own files, and on poses recomputed from a published array."""

import numpy as np
import pytest
import torch

from handpose_core.datasets.stb import STB
from handpose_core.datasets.stb_annotations import read_joints
from handpose_core.datasets.stb_layout import CAMERAS, SEQUENCES, label_path
from handpose_core.hand import BONES, FINGER_JOINTS, FINGERS


@pytest.fixture(scope="module")
def root(real_samples, tmp_path_factory):
    """The real images, the authors' BB labels and the recomputed SK labels, as the layout has them."""
    root = tmp_path_factory.mktemp("stb_real")
    (root / "images").symlink_to(real_samples / "stb" / "images")
    for sequence in SEQUENCES:
        label_path(root, sequence, "SK").parent.mkdir(exist_ok=True)
        label_path(root, sequence, "SK").symlink_to(real_samples / "stb" / "poses_sk" / f"{sequence}_SK.mat")
    label_path(root, "B1Counting", "BB").symlink_to(real_samples / "stb" / "labels" / "B1Counting_BB.mat")
    return root


def on_skin(sample):
    """Which joints lie on skin: redder than green, and neither dark sleeve nor white or violet cloth."""
    u, v = sample["joints_2d"].round().long().T
    red, green, blue = sample["image"][:, v, u]
    return (red > green) & (green > 0.8 * blue) & (red > 0.25)


@pytest.mark.parametrize(("camera", "images"), [("sk", 1), ("bb_left", 1), ("bb_right", 1), ("bb", 2)])
def test_real_labels_lie_on_the_real_hand(root, camera, images):
    dataset = STB(root, "test", camera, wrist_rule="palm", missing="skip")
    assert len(dataset) == images
    for i in range(images):
        assert on_skin(dataset[i]).float().mean() > 0.85


def test_sk_poses_are_the_bb_poses_moved(root):
    """One rigid motion between the two rigs explains all 1,500 frames; it is the published one for neither."""
    bb = read_joints(root, "B1Counting", "BB").reshape(-1, 3)
    sk = CAMERAS["sk"].from_labels(read_joints(root, "B1Counting", "SK")).reshape(-1, 3)
    a, b = bb - bb.mean(0), sk - sk.mean(0)
    u, _, vt = np.linalg.svd(a.T @ b)
    turn = vt.T @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ u.T
    assert np.linalg.norm(a @ turn.T - b, axis=-1).mean() < 0.002


def test_every_frame_of_every_sequence_reads(root):
    for sequence in SEQUENCES:
        assert read_joints(root, sequence, "SK").shape == (1500, 21, 3)


def test_bones_are_constant_and_ordered(root):
    joints = read_joints(root, "B1Counting", "BB")
    lengths = np.stack([np.linalg.norm(joints[:, a] - joints[:, b], axis=-1) for a, b in BONES], axis=-1)
    assert (lengths.std(0) < 1e-3).all()
    for finger in FINGERS[1:]:
        from_palm = [np.linalg.norm(joints[:, j] - joints[:, 0], axis=-1) for j in FINGER_JOINTS[finger]]
        assert (np.stack(from_palm).max(0) < 130).all()
        assert from_palm[3].max() > from_palm[0].max() + 40  # stretched out at times: tips are farther than MCPs
    index, middle, ring, little = (joints[:, FINGER_JOINTS[finger][0]] for finger in FINGERS[1:])
    for near, far in ((middle, ring), (ring, little)):
        assert (np.linalg.norm(near - index, axis=-1) < np.linalg.norm(far - index, axis=-1)).all()


def test_it_is_a_left_hand(root):
    """Seen from the palm's side, a left hand's thumb is to the left of its fingers; the palm faces the camera."""
    sample = STB(root, "test", "sk", missing="skip")[0]
    across = sample["joints_2d"][17] - sample["joints_2d"][5]
    up = sample["joints_2d"][9] - sample["joints_2d"][0]
    assert torch.linalg.det(torch.stack([across, up])) < 0
