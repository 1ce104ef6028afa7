"""What a stage trains, and by which losses: the recipe chooses one of these objects.

Of the single view: ``Heatmaps`` → ``MeshWithFixed2D`` → ``DepthWithBothFixed`` → ``EndToEnd``; of several, from its
weights: ``FusionOnly`` → ``MultiViewEndToEnd`` (thesis, section 5.4.3).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from handpose_core.camera import reference_length, relative_depth
from handpose_core.datasets.sample import Sample, labelled
from handpose_core.errors import HandposeError
from handpose_core.nn.heatmaps import gaussian_heatmaps
from handpose_core.nn.losses import heatmap_loss
from handpose_core.training.experiment.needs import Need, needs_of, restricted
from handpose_mvhm.losses import depth_loss, mesh_loss, pose_loss
from handpose_mvhm.meshes import mesh_needs, mesh_target, require_vertices
from handpose_mvhm.networks import FusionNetwork, SingleView, SingleViewNetwork
from handpose_mvhm.views import anchored, drop_views, group_truth, grouped, usable_truth

Values = dict[str, Float[Tensor, ""]]
"""Losses by name; ``loss`` is the one to minimise."""


@runtime_checkable
class Networks(Protocol):
    """What objectives see of the module."""

    network: SingleViewNetwork
    fusion: FusionNetwork | None
    sigma: float

    def fused_truly(self, output: SingleView, batch: Sample) -> Float[Tensor, "groups 21 3"]:
        """The fused joints (mm, world) with each view's true root depth and scale."""


_HEATMAPS = needs_of("L_h (5.1)", "joints_2d", "annotated")
_DEPTHS = needs_of("L_d (5.6)", "joints_3d", "annotated")
_FUSED = needs_of("L_p (5.7)", "joints_3d", "annotated", "K", "R", "t")


class Objective(ABC):
    """What a stage trains."""

    @abstractmethod
    def trained(self, module: Networks) -> Mapping[str, nn.Module]:
        """The networks that learn, by name.

        Raises:
            HandposeError: the recipe gives the module no such network.
        """

    def unused(self, module: Networks) -> tuple[nn.Module, ...]:
        """Return layers of the networks that learn which the losses do not depend on: several processes wait for them.

        Args:
            module: With the networks.

        Returns:
            Layers that stay as they are; none by default.
        """
        return ()

    @abstractmethod
    def needs(self, vertices: int) -> tuple[Need, ...]:
        """Return the keys of samples that the losses read.

        Args:
            vertices: Number of vertices of the network's mesh.

        Returns:
            The needs.
        """

    @abstractmethod
    def losses(self, module: Networks, output: SingleView, batch: Sample) -> Values:
        """The losses of a batch of rows."""

    def vary(self, batch: Sample) -> Sample:
        """The rows of a training batch as this stage shall see them."""
        return batch


@dataclass(frozen=True)
class Heatmaps(Objective):
    """The 2D evidence network alone, by L_h (5.1)."""

    def trained(self, module: Networks) -> Mapping[str, nn.Module]:
        """See `Objective`."""
        return {"evidence_2d": module.network.evidence_2d}

    def unused(self, module: Networks) -> tuple[nn.Module, ...]:
        """See `Objective.unused`; the layers behind the last maps."""
        return module.network.evidence_2d.feature_layers

    def needs(self, vertices: int) -> tuple[Need, ...]:
        """See `Objective`."""
        return _HEATMAPS

    def losses(self, module: Networks, output: SingleView, batch: Sample) -> Values:
        """See `Objective`."""
        loss = heatmaps(module, output, batch)
        return {"loss": loss, "loss_2d": loss}


@dataclass(frozen=True)
class MeshWithFixed2D(Objective):
    """The mesh evidence network by L_m (5.5), the 2D evidence network as it is."""

    def trained(self, module: Networks) -> Mapping[str, nn.Module]:
        """See `Objective`."""
        return {"evidence_mesh": module.network.evidence_mesh}

    def needs(self, vertices: int) -> tuple[Need, ...]:
        """See `Objective`."""
        return mesh_needs(vertices)

    def losses(self, module: Networks, output: SingleView, batch: Sample) -> Values:
        """See `Objective`.

        Raises:
            HandposeError: the data have no meshes, or others.
        """
        loss = mesh(output, batch)
        return {"loss": loss, "loss_mesh": loss}


@dataclass(frozen=True)
class DepthWithBothFixed(Objective):
    """The depth head by L_d (5.6), both evidence networks as they are."""

    def trained(self, module: Networks) -> Mapping[str, nn.Module]:
        """See `Objective`."""
        return {"depth_head": module.network.depth_head}

    def needs(self, vertices: int) -> tuple[Need, ...]:
        """See `Objective`."""
        return _DEPTHS

    def losses(self, module: Networks, output: SingleView, batch: Sample) -> Values:
        """See `Objective`."""
        loss = depths(output, batch)
        return {"loss": loss, "loss_z": loss}


@dataclass(frozen=True)
class EndToEnd(Objective):
    """The whole single-view network: λ_h L_h + λ_m L_m + λ_d L_d; L_m on the hands that have meshes.

    The thesis names no weights: heatmaps are means over pixels, most of which are empty, hence the larger first one.

    Args:
        lambda_h: weight of the heatmaps.
        lambda_m: weight of the mesh.
        lambda_d: weight of the depths.
    """

    lambda_h: float = 100.0
    lambda_m: float = 1.0
    lambda_d: float = 1.0

    def trained(self, module: Networks) -> Mapping[str, nn.Module]:
        """See `Objective`."""
        return {"network": module.network}

    def needs(self, vertices: int) -> tuple[Need, ...]:
        """See `Objective`; meshes where samples have them."""
        return (*_HEATMAPS, *_DEPTHS, *restricted(mesh_needs(vertices), "vertices"))

    def losses(self, module: Networks, output: SingleView, batch: Sample) -> Values:
        """See `Objective`."""
        values = {"loss_2d": heatmaps(module, output, batch), "loss_z": depths(output, batch)}
        total = self.lambda_h * values["loss_2d"] + self.lambda_d * values["loss_z"]
        if "vertices" in batch:
            values["loss_mesh"] = mesh(output, batch)
            total = total + self.lambda_m * values["loss_mesh"]
        else:  # several processes wait for the gradients of all that learns
            total = total + 0 * output.mesh.sum()
        return {"loss": total, **values}


@dataclass(frozen=True)
class FusionOnly(Objective):
    """The fusion by L_p (5.7), the single-view network as it is.

    Args:
        least_views: in training each hand keeps a random number of its views, from this many to all, so that any
            number will do later.
    """

    least_views: int = 1

    def trained(self, module: Networks) -> Mapping[str, nn.Module]:
        """See `Objective`."""
        return {"fusion": require_fusion(module)}

    def needs(self, vertices: int) -> tuple[Need, ...]:
        """See `Objective`."""
        return _FUSED

    def losses(self, module: Networks, output: SingleView, batch: Sample) -> Values:
        """See `Objective`."""
        loss = fused_pose(module, output, batch)
        return {"loss": loss, "loss_pose": loss}

    def vary(self, batch: Sample) -> Sample:
        """See `Objective`."""
        return drop_views(batch, self.least_views)


@dataclass(frozen=True)
class MultiViewEndToEnd(Objective):
    """Fusion and single-view network together: λ_p L_p beside the single views' own losses.

    Args:
        single: the losses of each view.
        lambda_p: weight of the fused pose.
        least_views: see `FusionOnly`.
    """

    single: EndToEnd = EndToEnd()
    lambda_p: float = 1.0
    least_views: int = 1

    def trained(self, module: Networks) -> Mapping[str, nn.Module]:
        """See `Objective`."""
        return {"network": module.network, "fusion": require_fusion(module)}

    def needs(self, vertices: int) -> tuple[Need, ...]:
        """See `Objective`."""
        return (*self.single.needs(vertices), *_FUSED)

    def losses(self, module: Networks, output: SingleView, batch: Sample) -> Values:
        """See `Objective`."""
        values = self.single.losses(module, output, batch)
        values["loss_pose"] = fused_pose(module, output, batch)
        return {**values, "loss": values["loss"] + self.lambda_p * values["loss_pose"]}

    def vary(self, batch: Sample) -> Sample:
        """See `Objective`."""
        return drop_views(batch, self.least_views)


def heatmaps(module: Networks, output: SingleView, batch: Sample) -> Float[Tensor, ""]:
    """L_h (5.1) on the maps' own resolution; joints without annotation do not count."""
    cells = output.stages[-1].shape[-1]
    target = gaussian_heatmaps(batch["joints_2d"], module.sigma, batch["image"].shape[-1], cells)
    return heatmap_loss(output.stages, target, batch["annotated"])


def mesh(output: SingleView, batch: Sample) -> Float[Tensor, ""]:
    """L_m (5.5); see `mesh_target`."""
    require_vertices(batch, output.mesh.shape[1])
    return mesh_loss(output.mesh, mesh_target(batch), anchored(batch) & labelled(batch, "vertices"))


def depths(output: SingleView, batch: Sample) -> Float[Tensor, ""]:
    """L_d (5.6) on relative depths."""
    counted = batch["annotated"] & anchored(batch)[:, None]
    return depth_loss(output.z_rel, relative_depth(batch["joints_3d"]), counted)


def fused_pose(module: Networks, output: SingleView, batch: Sample) -> Float[Tensor, ""]:
    """L_p (5.7) in the world's frame; a joint's truth is the mean of what the group's annotations say."""
    target, known = group_truth(batch)
    scale = grouped(reference_length(usable_truth(batch)), batch).mean(1)
    return pose_loss(module.fused_truly(output, batch), target, scale, known)


def require_fusion(module: Networks) -> FusionNetwork:
    """The module's fusion.

    Raises:
        HandposeError: it has none.
    """
    if module.fusion is None:
        raise HandposeError(
            "model.fusion", "nothing", "a way of fusing views: the objective trains it",
            "Set --model.fusion Concatenation, or RefinedTriangulation.",
        )  # fmt: skip
    return module.fusion
