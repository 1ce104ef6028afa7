"""What an objective's loss is a sum of: each term is a small object that a recipe chooses, changes or leaves out.

All look at both directions. A term that its recipe sets to null is not there: Table 4.1's rows differ in nothing else.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.nn.heatmaps import gaussian_heatmaps
from handpose_core.nn.losses import heatmap_loss
from handpose_core.render import EdgeSilhouette, Silhouette, SoftSilhouette
from handpose_core.training.experiment.needs import Need, needs_of
from handpose_tassn.clips import Passes, labelled_places, pixels, places
from handpose_tassn.losses import (
    bone_constancy_loss,
    consistency_loss,
    place_loss,
    plausibility_loss,
    projection_loss,
    silhouette_loss,
)
from handpose_tassn.masks import MASK_USED
from handpose_tassn.networks import ClipOutput, require_vertices

_NO_MASK = "Add handpose_tassn.silhouettes.SilhouetteTargets to trainer.callbacks, as the recipes do."
_OTHER_MESH = (
    "Make hands with `handpose mvhm generate --vertices N`, read them with --data MVHM --data.vertices true, and give "
    "their rig and count to the network: --model.mesh.rig, --model.mesh.vertices."
)
CROP_IN_BONES = 6.0
"""A crop's side in reference bones, roughly: a hand is four across, and its crop half as much again."""


@dataclass(frozen=True)
class Term(ABC):
    """A weighted part of a loss.

    Args:
        weight: of it in the sum.
    """

    weight: float = 1.0

    def needs(self, vertices: int) -> tuple[Need, ...]:
        """Return the keys of samples that the term reads.

        Args:
            vertices: Number of vertices of the network's mesh.

        Returns:
            The needs.
        """
        return ()

    @abstractmethod
    def value(self, passes: Passes, batch: Sample) -> Float[Tensor, ""]:
        """The loss, not weighted, of clips in both directions."""


@dataclass(frozen=True)
class Heatmaps(Term):
    """L_h (4.1): every hourglass's maps against Gaussians at the 2D labels; joints without label do not count.

    Args:
        weight: λ_h.
        sigma: the Gaussians' standard deviation, cells of the maps.
    """

    sigma: float = 2.0

    def needs(self, vertices: int) -> tuple[Need, ...]:
        """See `Term`."""
        return needs_of(type(self).__name__, "joints_2d", "annotated")

    def value(self, passes: Passes, batch: Sample) -> Float[Tensor, ""]:
        """See `Term`."""
        side, annotated = batch["image"].shape[-1], batch["annotated"].flatten(0, 1)
        cells = passes.forward.stages[-1].shape[-1]
        sigma = self.sigma * side / cells
        joints = torch.where(annotated[..., None], batch["joints_2d"].flatten(0, 1), 0)
        target = gaussian_heatmaps(joints, sigma, side, cells)
        both = [
            heatmap_loss([stage.flatten(0, 1) for stage in output.stages], target, annotated)
            for output in (passes.forward, passes.backward)
        ]
        return (both[0] + both[1]) / 2


@dataclass(frozen=True)
class SilhouetteTerm(Term):
    """L_m (4.2): the meshes' silhouettes against the hands' masks; masks that cannot be trusted do not count.

    Args:
        weight: λ_s.
        size: px of the silhouettes.
        levels: halvings that are compared as well, so that a mesh far off is drawn to its target, too; the thesis
            has none.
    """

    size: int = 128
    levels: int = 0

    def needs(self, vertices: int) -> tuple[Need, ...]:
        """See `Term`."""
        return (Need(("mask",), type(self).__name__, fix=_NO_MASK),)

    def drawer(self) -> Silhouette:
        """Draws the silhouettes."""
        return _edges()

    def value(self, passes: Passes, batch: Sample) -> Float[Tensor, ""]:
        """See `Term`.

        Raises:
            HandposeError: the data have no masks.
        """
        if "mask" not in batch:
            raise HandposeError(
                "data, masks", "none", "the hands' silhouettes, or a callback that makes them",
                _NO_MASK,
            )  # fmt: skip
        masks = batch["mask"].flatten(0, 1)
        counted = batch[MASK_USED].flatten() if MASK_USED in batch else masks.flatten(1).any(1)
        target = F.interpolate(masks.float(), size=(self.size, self.size), mode="area")
        meshes = torch.cat([passes.forward.vertices.flatten(0, 1), passes.backward.vertices.flatten(0, 1)]).float()
        drawn = torch.cat([pixels(meshes[..., :2], self.size), meshes[..., 2:]], dim=-1)
        coverage = self.drawer().draw(drawn, passes.faces, (self.size, self.size))
        return silhouette_loss(coverage, torch.cat([target, target]), torch.cat([counted, counted]), self.levels)


@dataclass(frozen=True)
class SoftSilhouetteTerm(SilhouetteTerm):
    """The same with `SoftSilhouette`.

    Args:
        weight: λ_s.
        size: px of the silhouettes.
        levels: see `SilhouetteTerm`.
        sigma: of the soft edge, px².
    """

    sigma: float = 1.0

    def drawer(self) -> Silhouette:
        """See `SilhouetteTerm`."""
        return _soft(self.sigma)


@dataclass(frozen=True)
class PoseConsistency(Term):
    """L_c^p (4.3): both directions see the same pose."""

    def value(self, passes: Passes, batch: Sample) -> Float[Tensor, ""]:
        """See `Term`."""
        return consistency_loss(passes.forward.joints, passes.backward.joints)


@dataclass(frozen=True)
class MeshConsistency(Term):
    """L_c^m (4.4): both directions see the same mesh."""

    def value(self, passes: Passes, batch: Sample) -> Float[Tensor, ""]:
        """See `Term`."""
        return consistency_loss(passes.forward.vertices, passes.backward.vertices)


@dataclass(frozen=True)
class BoneConstancy(Term):
    """Bones keep their lengths along a clip: beyond the thesis."""

    def needs(self, vertices: int) -> tuple[Need, ...]:
        """See `Term`."""
        return needs_of(type(self).__name__, "joints_2d", "annotated")

    def value(self, passes: Passes, batch: Sample) -> Float[Tensor, ""]:
        """See `Term`."""
        return _of_both(passes, lambda output: bone_constancy_loss(_at_labels(output, batch)))


@dataclass(frozen=True)
class OneHand(BoneConstancy):
    """Bones keep their lengths over all clips of a batch, for data that show one hand alone: beyond the thesis.

    Within a clip fingers bend little; over a video they bend, and what 2D labels leave of a bone's length its depth
    has to make up for.
    """

    def value(self, passes: Passes, batch: Sample) -> Float[Tensor, ""]:
        """See `Term`."""
        return _of_both(passes, lambda output: bone_constancy_loss(_at_labels(output, batch).flatten(0, 1)[None]))


@dataclass(frozen=True)
class Plausibility(Term):
    """Fingers bend as fingers can: beyond the thesis."""

    def needs(self, vertices: int) -> tuple[Need, ...]:
        """See `Term`."""
        return needs_of(type(self).__name__, "joints_2d", "annotated")

    def value(self, passes: Passes, batch: Sample) -> Float[Tensor, ""]:
        """See `Term`."""
        return _of_both(passes, lambda output: plausibility_loss(_at_labels(output, batch)))


@dataclass(frozen=True)
class Projection(Term):
    """The pose's own u and v against the 2D labels: beyond (4.6), in which no label reaches the pose head."""

    def needs(self, vertices: int) -> tuple[Need, ...]:
        """See `Term`."""
        return needs_of(type(self).__name__, "joints_2d", "annotated")

    def value(self, passes: Passes, batch: Sample) -> Float[Tensor, ""]:
        """See `Term`."""
        where = places(batch["joints_2d"], batch["image"].shape[-1])
        return _of_both(passes, lambda output: projection_loss(output.joints, where, batch["annotated"]))


@dataclass(frozen=True)
class TrueMesh(Term):
    """The meshes against labelled ones: for generated data alone."""

    def needs(self, vertices: int) -> tuple[Need, ...]:
        """See `Term`."""
        meshes = Need(("vertices",), f"{type(self).__name__} by the network's mesh", rows=vertices, fix=_OTHER_MESH)
        return (meshes, *needs_of(type(self).__name__, "joints_3d", "annotated", "K"))

    def value(self, passes: Passes, batch: Sample) -> Float[Tensor, ""]:
        """See `Term`.

        Raises:
            HandposeError: the data have no meshes, or others.
        """
        if "vertices" not in batch:
            raise HandposeError(
                "data, meshes", "none", "the hands' vertices, as generated data have them",
                _OTHER_MESH,
            )  # fmt: skip
        require_vertices(batch["vertices"].shape[-2], passes.faces)
        target, counted = labelled_places(batch, "vertices")
        return _of_both(passes, lambda output: place_loss(output.vertices, target, counted, CROP_IN_BONES))


@dataclass(frozen=True)
class TruePose(Term):
    """The poses against labelled ones: for generated data alone."""

    def needs(self, vertices: int) -> tuple[Need, ...]:
        """See `Term`."""
        return needs_of(type(self).__name__, "joints_3d", "annotated", "K")

    def value(self, passes: Passes, batch: Sample) -> Float[Tensor, ""]:
        """See `Term`."""
        target, anchored = labelled_places(batch, "joints_3d")
        counted = anchored & batch["annotated"].all(-1)
        return _of_both(passes, lambda output: place_loss(output.joints, target, counted, CROP_IN_BONES))


def _at_labels(output: ClipOutput, batch: Sample) -> Float[Tensor, "n t 21 3"]:
    """The poses with u and v of the 2D labels, where there are any: what is left to learn are depths.

    With the estimate's own, a hand that is estimated too small, as an untrained one's is, would have long bones and
    gradients that drown all others.
    """
    where = places(batch["joints_2d"], batch["image"].shape[-1])
    across = torch.where(batch["annotated"][..., None], where, output.joints[..., :2].detach().float())
    return torch.cat([across, output.joints[..., 2:].float()], dim=-1)


def _of_both(passes: Passes, loss: Callable[[ClipOutput], Tensor]) -> Float[Tensor, ""]:
    return (loss(passes.forward) + loss(passes.backward)) / 2


@lru_cache(maxsize=1)
def _edges() -> EdgeSilhouette:
    """One for all, as it remembers the mesh's edges."""
    return EdgeSilhouette()


@lru_cache(maxsize=4)
def _soft(sigma: float) -> SoftSilhouette:
    return SoftSilhouette(sigma)
