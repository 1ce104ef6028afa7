"""Meshes as every view has them, for those who show them."""

import torch
from mvhm.tests.hands_in_views import SINGLE, groups

from handpose_core.camera import project
from handpose_core.training.callbacks_meshes import EstimatesMeshes
from handpose_mvhm.meshes import mesh_target
from handpose_mvhm.module import MVHMModule
from handpose_mvhm.networks.single_view import SingleView


def test_the_mesh_of_every_view_is_decoded():
    module = MVHMModule(size=SINGLE)
    assert isinstance(module, EstimatesMeshes)
    batch = groups()
    rows = module.frames(batch)
    target = mesh_target(rows)
    decoded = module.decode_mesh(SingleView([], target, torch.zeros(len(target), 21)), batch["image"].shape[-1])
    torch.testing.assert_close(decoded.vertices_2d, project(rows["vertices"], rows["K"]))
    torch.testing.assert_close(decoded.z_rel, target[..., 2])
    assert int(decoded.faces.max()) + 1 == target.shape[1]
