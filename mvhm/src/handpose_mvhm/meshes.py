"""Meshes as (u, v, d): crop coordinates in [0, 1] and depth relative to the wrist in reference bones."""

import torch
from jaxtyping import Float
from torch import Tensor

from handpose_core.camera import back_project, project, reference_length
from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.hand import WRIST
from handpose_core.training.experiment.needs import Need, needs_of
from handpose_mvhm.views import usable_truth

_NO_MESH = "Set --data.vertices true with MVHM's data; other datasets have none, and go into EndToEnd alone."
_OTHER_MESH = "Set model.size.mesh.rig and model.size.mesh.vertices as the data were generated."


def require_vertices(batch: Sample, count: int) -> None:
    """Refuse a batch without meshes, or with others than the network's.

    Raises:
        HandposeError: so it is.
    """
    if "vertices" not in batch:
        raise HandposeError(
            "batch, vertices", "nothing", "true meshes: the objective learns from them",
            _NO_MESH,
        )  # fmt: skip
    if batch["vertices"].shape[1] != count:
        raise HandposeError(
            "batch, vertices", f"meshes of {batch['vertices'].shape[1]} vertices", f"{count}, the network's",
            _OTHER_MESH,
        )  # fmt: skip


def mesh_needs(count: int) -> tuple[Need, ...]:
    """Declare what `mesh_target` reads of a sample, for the mesh loss (5.5).

    Args:
        count: Number of vertices of the network's mesh.

    Returns:
        The needs.
    """
    meshes = Need(("vertices",), "L_m (5.5) by the network's mesh", rows=count, fix=f"{_NO_MESH} {_OTHER_MESH}")
    return (meshes, *needs_of("L_m (5.5)", "joints_3d", "annotated", "K"))


def mesh_target(batch: Sample) -> Float[Tensor, "n vertices 3"]:
    """The true meshes of a batch as (u, v, d); any numbers for hands without wrist or reference bone."""
    joints = usable_truth(batch)
    pixels = project(batch["vertices"], batch["K"])
    depth = (batch["vertices"][..., 2] - joints[:, [WRIST], 2]) / reference_length(joints)[:, None]
    return torch.cat([(pixels + 0.5) / batch["image"].shape[-1], depth[..., None]], dim=-1)


def mesh_pixels(mesh: Float[Tensor, "n vertices 3"], image_size: int) -> Float[Tensor, "n vertices 2"]:
    """Where meshes of (u, v, d) lie in crops of side ``image_size``, px."""
    return mesh[..., :2] * image_size - 0.5


def metric_mesh(
    mesh: Float[Tensor, "n vertices 3"], batch: Sample, root_depth: Float[Tensor, "n"], scale: Float[Tensor, "n"]
) -> Float[Tensor, "n vertices 3"]:
    """Meshes of (u, v, d) in mm, camera frame.

    Args:
        mesh: as the network gives them.
        batch: ``K`` and the crops' size.
        root_depth: of the wrist, mm.
        scale: length of the reference bone, mm.
    """
    pixels = mesh_pixels(mesh.float(), batch["image"].shape[-1])
    return back_project(pixels, mesh[..., 2].float() * scale[:, None] + root_depth[:, None], batch["K"])
