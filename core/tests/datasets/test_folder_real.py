"""Folders of real samples that other projects laid out."""

import pytest
import torch

from handpose_core.camera import project
from handpose_core.datasets.folder import Folder
from handpose_core.datasets.video import Clips
from handpose_core.hand import Side


def inside(sample):
    height, width = sample["image"].shape[1:]
    pixels = sample["joints_2d"][sample["annotated"]]
    return bool(((pixels >= -0.5) & (pixels <= torch.tensor([width - 0.5, height - 0.5]))).all())


def test_all_joints_of_the_real_video_project_inside_the_image(real_samples):
    dataset = Folder(real_samples / "realworld_dev", side="left")
    assert len(dataset) == 200
    for i in range(200):
        sample = dataset[i]
        assert sample["image"].shape == (3, 256, 256)
        assert inside(sample)
    motion = torch.stack([dataset[i]["joints_3d"][0] for i in range(20)]).diff(dim=0).norm(dim=-1)
    assert motion.mean() < 40  # mm: consecutive frames
    assert len(Clips(dataset, 8)) == 25


def test_its_geometry_is_a_left_hands(real_samples):
    """Fingers curl towards the palm, which a left hand has on the other side of wrist, index and little finger."""
    dataset = Folder(real_samples / "realworld_dev")
    curls = []
    for i in range(0, 200, 10):
        joints = dataset[i]["joints_3d"]
        right_palm = torch.linalg.cross(joints[5] - joints[0], joints[17] - joints[0])
        tips, roots = joints[[8, 12, 16, 20]] - joints[0], joints[[5, 9, 13, 17]] - joints[0]
        curls.append(((tips - roots) @ right_palm).mean())
    assert (torch.stack(curls) < 0).float().mean() > 0.9


@pytest.mark.parametrize(
    ("folder", "labels", "order", "count"),
    [
        ("rhd/training_3", "test_rhd.json", "rhd", 3),
        ("freihand/train8", "test_freihand.json", "canonical", 8),
        ("phone_photos", "test_onehand10k.json", "canonical", 4),
    ],
)
def test_coco_files_read(real_samples, folder, labels, order, count):
    dataset = Folder(real_samples / folder, labels, order)
    assert len(dataset) == count
    for i in range(count):
        sample = dataset[i]
        assert inside(sample)
        assert sample["annotated"].sum() >= 7


def test_rhd_frames_project_onto_their_labels(real_samples):
    dataset = Folder(real_samples / "rhd" / "training_3", "test_rhd.json", "rhd")
    for i in range(3):
        sample = dataset[i]
        landed = project(sample["joints_3d"], sample["K"])
        assert (landed - sample["joints_2d"]).norm(dim=-1).max() < 0.1
        from_wrist = (sample["joints_3d"] - sample["joints_3d"][0]).norm(dim=-1)
        assert (from_wrist[[5, 9, 13, 17]] > 40).all()
        assert (from_wrist[[6, 10, 14, 18]] > 40).all()
    assert {Side(int(dataset[i]["side"])) for i in range(3)} <= set(Side)
