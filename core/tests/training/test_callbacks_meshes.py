"""Meshes reach W&B's files, offline."""

import numpy as np
import pytest
import torch
import trimesh
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import WandbLogger
from torch.utils.data import DataLoader

from handpose_core.datasets.sample import collate
from handpose_core.hand import REFERENCE_BONE, WRIST, Side
from handpose_core.rig import HandRig
from handpose_core.training import logging
from handpose_core.training.callbacks_meshes import Meshes, MeshEstimate
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate

pytestmark = pytest.mark.filterwarnings("ignore")
SIDE = 64
K = torch.tensor([[128.0, 0, 31.5], [0, 128.0, 31.5], [0, 0, 1]])


def hand(index, side):
    """A rig's hand half a metre away; of a left one everything is mirrored."""
    rig = HandRig()
    away = torch.tensor([0.0, 0.0, 500.0 + 20 * index])
    vertices, joints = (points - rig.joints.mean(0) for points in (rig.vertices, rig.joints))
    flip = torch.tensor([-1.0, 1, 1]) if side == Side.LEFT else torch.ones(3)
    return vertices * flip + away, joints * flip + away, rig.faces


class Hands(torch.utils.data.Dataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        side = Side.LEFT if index == 4 else Side.RIGHT
        vertices, joints, _ = hand(index, side)
        known = torch.ones(21, dtype=torch.bool)
        return {
            "image": torch.full((3, SIDE, SIDE), index / 10), "joints_2d": (joints / joints[:, 2:] @ K.T)[:, :2],
            "joints_3d": joints, "vertices": vertices, "annotated": known, "visible": known, "K": K,
            "side": torch.tensor(int(side)), "index": torch.tensor(index),
        }  # fmt: skip


class Knows(HandPoseModule):
    """Says the truth, which it reads off the images' grey."""

    display_name = "knows"

    def __init__(self):
        super().__init__(lambda parameters: torch.optim.SGD(parameters, lr=0.0), None, None)
        self.network = self.build_network()

    def build_network(self):
        return torch.nn.Linear(1, 1)

    def forward(self, image):
        return (image[:, 0, 0, 0] * 10).round().long()

    def losses(self, output, batch):
        return {"loss": self.network.weight.sum() * 0}

    def decode(self, output, image_size):
        joints = torch.stack([Hands()[int(index)]["joints_3d"] for index in output])
        return Estimate((joints / joints[..., 2:] @ K.T)[..., :2], joints[..., 2] * 0, joints[..., 2] * 0 + 1)


class KnowsMeshes(Knows):
    def decode_mesh(self, output, image_size):
        assert image_size == SIDE
        samples = [Hands()[int(index)] for index in output]
        vertices, joints = (torch.stack([sample[key] for sample in samples]) for key in ("vertices", "joints_3d"))
        bone = (joints[:, REFERENCE_BONE[0]] - joints[:, REFERENCE_BONE[1]]).norm(dim=-1)
        z_rel = (vertices[..., 2] - joints[:, [WRIST], 2]) / bone[:, None]
        return MeshEstimate((vertices / vertices[..., 2:] @ K.T)[..., :2], z_rel, hand(0, Side.RIGHT)[2])


def validate(module, folder, monkeypatch, **options):
    """The glb files that W&B keeps of a validation, by the name of what they show."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    loader = DataLoader(Hands(), batch_size=2, collate_fn=collate)
    trainer = Trainer(
        default_root_dir=folder, logger=logging.wandb_logger(folder, "knows"), callbacks=[Meshes(**options)],
        accelerator="cpu", max_epochs=1, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False,
    )  # fmt: skip
    assert isinstance(trainer.logger, WandbLogger)
    try:
        trainer.validate(module, loader, verbose=False)
    finally:
        logging.close()
    return {path.relative_to(path.parents[1]).as_posix(): path for path in sorted(folder.rglob("*.glb"))}


def test_estimated_and_true_meshes_are_logged_once_a_validation(tmp_path, monkeypatch):
    files = validate(KnowsMeshes(), tmp_path, monkeypatch, samples=2)
    assert len(files) == 4
    estimated, true = ([path for name, path in files.items() if f"/{kind}" in name] for kind in ("mesh_", "mesh_true_"))
    estimated = [path for path in estimated if path not in true]
    assert len(estimated) == len(true) == 2
    volumes = []
    loaded = ([trimesh.load(path, force="mesh", process=False) for path in paths] for paths in (estimated, true))
    # W&B names files by their content: in the order of left to right both are of the same hands
    ordered = (sorted(meshes, key=lambda mesh: mesh.vertices[0, 0]) for meshes in loaded)
    for shown, truth in zip(*ordered, strict=True):
        np.testing.assert_allclose(shown.vertices, truth.vertices, atol=1e-5)  # metres
        assert 0.1 < np.ptp(shown.vertices, axis=0).max() < 0.3
        volumes.append(shown.volume)
    assert all(1e-4 < volume < 1e-3 for volume in volumes)  # m³, and not inside out, the left hand either


def test_nothing_is_logged_of_a_module_without_meshes(tmp_path, monkeypatch):
    assert not validate(Knows(), tmp_path, monkeypatch)
