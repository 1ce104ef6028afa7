"""Estimated meshes in 3D, for W&B while training."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
import trimesh
import wandb
from jaxtyping import Float, Int
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from handpose_core.camera import back_project, reference_length
from handpose_core.datasets.sample import Sample, labelled
from handpose_core.hand import WRIST, Side
from handpose_core.training.callbacks_pictures import only_loader, read_again, spread, wandb_loggers
from handpose_core.training.callbacks_results import as_method
from handpose_core.viz.mesh import write_glb


@dataclass(frozen=True)
class MeshEstimate:
    """Meshes in crop coordinates, before any millimetres, as `handpose_core.training.prediction.Estimate` has joints.

    Args:
        vertices_2d: px of the crop.
        z_rel: depth relative to the wrist, in lengths of the reference bone.
        faces: corners, counter-clockwise seen from outside a right hand.
    """

    vertices_2d: Float[Tensor, "batch v 2"]
    z_rel: Float[Tensor, "batch v"]
    faces: Int[Tensor, "f 3"]


@runtime_checkable
class EstimatesMeshes(Protocol):
    """A method's module that says where the hand's surface is."""

    def decode_mesh(self, output: Any, image_size: int) -> MeshEstimate:
        """What `forward` returned as a mesh of each of the module's `frames`; the crop's side is ``image_size``."""
        ...


class Meshes(Callback):
    """Sends estimated meshes of validation samples to W&B as 3D objects, and the true ones beside them.

    Only of a module that is one of `EstimatesMeshes`, and of samples with 3D joints: their root depth and reference
    bone bring the millimetres back. Of clips and view groups the first picture's.

    Args:
        samples: how many evenly spread samples are shown.
        every_n_epochs: how often; 0 for never.
    """

    def __init__(self, samples: int = 2, every_n_epochs: int = 1) -> None:
        self.samples, self.every_n_epochs = samples, every_n_epochs

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Send the meshes: ``val/mesh``, and ``val/mesh_true`` where the data have them."""
        due = self.every_n_epochs > 0 and (trainer.current_epoch + 1) % self.every_n_epochs == 0
        if trainer.sanity_checking or not due or not trainer.is_global_zero or not wandb_loggers(trainer):
            return
        if not isinstance(pl_module, EstimatesMeshes):
            return
        loader = only_loader(trainer.val_dataloaders)
        positions, shown = list(loader.sampler), dict[str, list[trimesh.Trimesh]]()
        for chosen in spread(len(positions), self.samples):
            batch = read_again(trainer, loader, positions[chosen.position])
            for key, mesh in _meshes(trainer, pl_module, batch).items():
                shown.setdefault(key, []).append(mesh)
        for key, meshes in shown.items():
            log_meshes(trainer, key, meshes)


def _meshes(trainer: Trainer, module: LightningModule, batch: Sample) -> dict[str, trimesh.Trimesh]:
    """The estimated mesh of the batch's first picture, and the true one."""
    assert isinstance(module, EstimatesMeshes)
    method = as_method(module)
    first = {key: value[:1] for key, value in method.frames(batch).items()}
    if not labelled(first, "joints_3d").all():
        return {}
    side = batch["image"].shape[-1]
    with torch.no_grad(), trainer.precision_plugin.forward_context():
        estimate = module.decode_mesh(method(*method.inputs(batch)), side)
    places, z_rel, truth = estimate.vertices_2d[:1].float(), estimate.z_rel[:1].float(), first["joints_3d"]
    depth = z_rel * reference_length(truth)[:, None] + truth[:, [WRIST], 2]
    meshes = {"val/mesh": back_project(places, depth, first["K"])}
    if labelled(first, "vertices").all() and first["vertices"].shape[1] == places.shape[1]:
        meshes["val/mesh_true"] = first["vertices"]
    left = bool(labelled(first, "side").all()) and int(first["side"][0]) == Side.LEFT
    faces = (estimate.faces.flip(1) if left else estimate.faces).cpu().numpy()
    found = {key: (vertices[0] - vertices[0].mean(0)).cpu().numpy() for key, vertices in meshes.items()}
    return {
        key: trimesh.Trimesh(vertices, faces, process=False)
        for key, vertices in found.items()
        if np.isfinite(vertices).all()  # a hand without wrist or reference bone has no millimetres
    }


def log_meshes(trainer: Trainer, key: str, meshes: list[trimesh.Trimesh]) -> None:
    """Send meshes (mm, y down, z away) to W&B, if that is among the loggers."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.glb" for number in range(len(meshes))]
        for path, mesh in zip(paths, meshes, strict=True):
            write_glb(path, mesh)
        for logger in wandb_loggers(trainer):
            logger.experiment.log({key: [wandb.Object3D(str(path)) for path in paths]})  # copies them
