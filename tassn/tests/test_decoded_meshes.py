"""Meshes as pictures of a clip have them, for those who show them."""

import torch
from tassn.tests.tiny import SIZES

from handpose_core.camera import project, reference_length
from handpose_core.hand import WRIST
from handpose_core.training.callbacks_meshes import EstimatesMeshes
from handpose_tassn.clips import labelled_places
from handpose_tassn.module import TASSNModule
from handpose_tassn.networks import ClipOutput


def test_the_mesh_of_every_frame_is_decoded(clips):
    module = TASSNModule(**SIZES)
    assert isinstance(module, EstimatesMeshes)
    vertices, _ = labelled_places(clips, "vertices")
    joints, _ = labelled_places(clips, "joints_3d")
    side = clips["image"].shape[-1]
    decoded = module.decode_mesh(ClipOutput([], vertices, joints), side)
    frames = module.frames(clips)
    torch.testing.assert_close(decoded.vertices_2d, project(frames["vertices"], frames["K"]))
    truth = frames["joints_3d"]
    depth = decoded.z_rel * reference_length(truth)[:, None] + truth[:, [WRIST], 2]
    torch.testing.assert_close(depth, frames["vertices"][..., 2])
    assert int(decoded.faces.max()) + 1 == vertices.shape[-2]
