"""Alignments of a predicted hand to the true one, applied before errors are measured.

Each takes the prediction and the truth (mm), the mask of labelled joints and the root's index, and returns
prediction and truth in the frame in which they are compared. A sample for which an alignment is not defined
is an error that names it; it never becomes a NaN in a mean. Only elementwise products and sums are used for
products of matrices, because a validation step under autocast would run ``@`` in half precision.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_NAMES, REFERENCE_BONE

_SHORTEST = 1e-6
"""A bone shorter than this (mm) gives no scale in single precision."""


def align_none(
    prediction: Float[Tensor, "batch joints 3"],
    target: Float[Tensor, "batch joints 3"],
    annotated: Bool[Tensor, "batch joints"],
    root: int,
) -> tuple[Float[Tensor, "batch joints 3"], Float[Tensor, "batch joints 3"]]:
    """Compare in the camera frame, as predicted."""
    return prediction, target


def align_root(
    prediction: Float[Tensor, "batch joints 3"],
    target: Float[Tensor, "batch joints 3"],
    annotated: Bool[Tensor, "batch joints"],
    root: int,
) -> tuple[Float[Tensor, "batch joints 3"], Float[Tensor, "batch joints 3"]]:
    """Subtract from each hand its own root joint.

    Raises:
        HandposeError: a sample has labelled joints but no labelled root.
    """
    _need_joint(annotated, root, "root")
    return prediction - prediction[:, root, None], target - target[:, root, None]


def align_root_scale(
    prediction: Float[Tensor, "batch 21 3"],
    target: Float[Tensor, "batch 21 3"],
    annotated: Bool[Tensor, "batch 21"],
    root: int,
) -> tuple[Float[Tensor, "batch 21 3"], Float[Tensor, "batch 21 3"]]:
    """Subtract the roots, then scale the prediction until its reference bone is as long as the true one.

    The reference bone is middle MCP to PIP.

    Raises:
        HandposeError: a sample has labelled joints but not the root and both ends of the bone, or a bone has
            no length.
    """
    start, end = REFERENCE_BONE
    for joint in REFERENCE_BONE:
        _need_joint(annotated, joint, "reference bone")
    lengths = [torch.linalg.vector_norm(hand[:, end] - hand[:, start], dim=-1) for hand in (prediction, target)]
    for length, whose in zip(lengths, ("predicted", "true"), strict=True):
        _reject(
            (length <= _SHORTEST) & annotated.any(dim=1),
            f"a {whose} reference bone (middle MCP to PIP) without length",
            "two different positions for its ends",
            "Score with alignment root or procrustes, or correct these joints.",
        )
    prediction, target = align_root(prediction, target, annotated, root)
    return prediction * (lengths[1] / lengths[0].clamp_min(_SHORTEST))[:, None, None], target


def align_procrustes(
    prediction: Float[Tensor, "batch points 3"],
    target: Float[Tensor, "batch points 3"],
    annotated: Bool[Tensor, "batch points"],
    root: int,
) -> tuple[Float[Tensor, "batch points 3"], Float[Tensor, "batch points 3"]]:
    """Move the prediction by the similarity that brings its labelled points closest to the truth.

    Rotation, scale and translation minimise the sum of squared distances; reflections are not allowed
    (Umeyama 1991, "Least-squares estimation of transformation parameters between two point patterns").
    A prediction that is a single point has scale 0 and lands on the truth's centroid, the limit of the fit.

    Raises:
        HandposeError: a sample has one or two labelled points, which a similarity fits whatever they are.
    """
    weights = annotated.to(prediction.dtype)[..., None]
    count = weights.sum(dim=1, keepdim=True)
    _reject(
        ((count > 0) & (count < 3))[:, 0, 0],
        "fewer than three labelled joints",
        "at least three for a Procrustes fit",
        "Score with alignment root or none, or leave the sample out.",
    )
    centre_p = (prediction * weights).sum(dim=1, keepdim=True) / count.clamp_min(1)
    centre_t = (target * weights).sum(dim=1, keepdim=True) / count.clamp_min(1)
    p, t = (prediction - centre_p) * weights, (target - centre_t) * weights
    u, s, vt = torch.linalg.svd((t[..., :, None] * p[..., None, :]).sum(dim=1))
    signs = torch.ones_like(s)
    signs[:, 2] = torch.where(_handedness(u) * _handedness(vt) < 0, -1, 1)
    rotation = ((u * signs[:, None])[..., :, :, None] * vt[..., None, :, :]).sum(dim=2)
    spread = p.square().sum(dim=(1, 2))
    scale = torch.where(spread > _SHORTEST**2, (s * signs).sum(dim=1) / spread.clamp_min(_SHORTEST**2), 0)
    rotated = ((prediction - centre_p)[..., None, :] * rotation[:, None]).sum(dim=-1)
    return rotated * scale[:, None, None] + centre_t, target


def _handedness(matrix: Float[Tensor, "batch 3 3"]) -> Float[Tensor, " batch"]:
    """The determinant as a triple product; the library's goes through a factorisation and a thread pool."""
    return (torch.linalg.cross(matrix[:, 0], matrix[:, 1]) * matrix[:, 2]).sum(dim=-1)


def _need_joint(annotated: Bool[Tensor, "batch joints"], joint: int, role: str) -> None:
    """Refuse samples that have labelled joints but not this one."""
    _reject(
        annotated.any(dim=1) & ~annotated[:, joint],
        f"no label for {JOINT_NAMES[joint]}, which the alignment needs ({role})",
        "a labelled joint",
        "Score with alignment procrustes or none, choose another root, or leave the sample out.",
    )


def _reject(bad: Bool[Tensor, " batch"], found: str, expected: str, fix: str) -> None:
    """Raise for the first bad sample of a batch."""
    if bool(bad.any()):
        raise HandposeError(f"sample {int(bad.nonzero()[0])} of the batch", found, expected, fix)
