"""What a stage of TASSN trains, and by which losses: the recipe chooses one of these objects.

``MeshPretraining`` on generated data → ``HeatmapObjective`` → ``SilhouetteMesh`` → ``EndToEnd``, as the thesis trains
(section 4.4.3), whose mesh estimator begins with another work's weights. The rows of Table 4.1 are ``EndToEnd`` with
``mesh``, and ``mesh`` and ``pose``, set to null.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from handpose_core.datasets.sample import Sample
from handpose_core.training.experiment.needs import Need
from handpose_tassn.clips import Passes
from handpose_tassn.terms import (
    BoneConstancy,
    Heatmaps,
    MeshConsistency,
    Plausibility,
    PoseConsistency,
    Projection,
    SilhouetteTerm,
    Term,
    TrueMesh,
    TruePose,
)

Values = dict[str, Float[Tensor, ""]]
"""Losses by name; ``loss`` is the one to minimise."""

HOURGLASS, MESH, POSE = "hourglass", "mesh", "pose"
PARTS = (HOURGLASS, MESH, POSE)
"""Parts of the network, by their names in it."""

# section 4.4.3's weights
HEATMAPS, SILHOUETTE = Heatmaps(), SilhouetteTerm(weight=0.1)
POSE_CONSISTENCY, MESH_CONSISTENCY = PoseConsistency(weight=10.0), MeshConsistency(weight=10.0)
TRUE_MESH, TRUE_POSE = TrueMesh(), TruePose()


class Objective:
    """What a stage trains: a dataclass whose fields are the terms of its loss, None where one is left out."""

    trains: ClassVar[tuple[str, ...]] = PARTS
    """The parts of the network that learn; the others stay as they are."""
    labels: ClassVar[str] = "2D joints"
    """What of its data it looks at, as recorded with results."""
    supervised: ClassVar[bool] = False
    """Whether it looks at 3D labels."""

    def terms(self) -> Mapping[str, Term]:
        """The terms of the loss, by name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return {name: term for name, term in found.items() if isinstance(term, Term)}

    def needs(self, vertices: int) -> tuple[Need, ...]:
        """Return the keys of samples that the terms read.

        Args:
            vertices: Number of vertices of the network's mesh.

        Returns:
            The needs of all terms.
        """
        return tuple(need for term in self.terms().values() for need in term.needs(vertices))

    def losses(self, passes: Passes, batch: Sample) -> Values:
        """Each term's value as ``loss_<name>``, and their weighted sum ``loss`` (4.6)."""
        terms = self.terms()
        values = {name: term.value(passes, batch) for name, term in terms.items()}
        total = sum((term.weight * values[name] for name, term in terms.items()), passes.forward.joints.new_zeros(()))
        return {"loss": total, **{f"loss_{name}": value for name, value in values.items()}}


@dataclass(frozen=True)
class MeshPretraining(Objective):
    """Everything from labels in 3D: for generated data, whose world is none of those adapted to.

    Args:
        heatmaps: (4.1).
        mesh: the meshes.
        pose: the poses.
    """

    heatmaps: Heatmaps | None = HEATMAPS
    mesh: TrueMesh | None = TRUE_MESH
    pose: TruePose | None = TRUE_POSE

    labels = "3D joints and meshes"
    supervised = True


@dataclass(frozen=True)
class HeatmapObjective(Objective):
    """The thesis's first stage: the heatmaps alone.

    Args:
        heatmaps: (4.1).
    """

    heatmaps: Heatmaps = HEATMAPS

    trains = (HOURGLASS,)


@dataclass(frozen=True)
class SilhouetteMesh(Objective):
    """The thesis's second stage: heatmaps and meshes, by 2D labels and silhouettes.

    Args:
        heatmaps: (4.1).
        silhouette: (4.2).
    """

    heatmaps: Heatmaps = HEATMAPS
    silhouette: SilhouetteTerm | None = SILHOUETTE

    labels = "2D joints, silhouettes"
    trains = (HOURGLASS, MESH)


@dataclass(frozen=True)
class EndToEnd(Objective):
    """The thesis's third stage: everything, with temporal consistency (4.6).

    Args:
        heatmaps: (4.1).
        silhouette: (4.2).
        pose: (4.3).
        mesh: (4.4).
        bones: bones keep their lengths along a clip; not the thesis's.
        limits: fingers bend as fingers can; not the thesis's.
        projection: the pose's own u and v lie on the 2D labels; not the thesis's.
    """

    heatmaps: Heatmaps | None = HEATMAPS
    silhouette: SilhouetteTerm | None = SILHOUETTE
    pose: PoseConsistency | None = POSE_CONSISTENCY
    mesh: MeshConsistency | None = MESH_CONSISTENCY
    bones: BoneConstancy | None = None
    limits: Plausibility | None = None
    projection: Projection | None = None

    labels = "2D joints, silhouettes"


END_TO_END = EndToEnd()
