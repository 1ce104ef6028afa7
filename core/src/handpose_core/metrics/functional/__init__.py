"""Pure functions on tensors: errors, alignments, meshes, and sums in constant memory."""

from handpose_core.metrics.functional.alignment import align_none, align_procrustes, align_root, align_root_scale
from handpose_core.metrics.functional.errors import auc_exact, auc_trapezoid, clipped, distances, epe, pck
from handpose_core.metrics.functional.mesh import f_score, mpvpe

__all__ = [
    "align_none",
    "align_procrustes",
    "align_root",
    "align_root_scale",
    "auc_exact",
    "auc_trapezoid",
    "clipped",
    "distances",
    "epe",
    "f_score",
    "mpvpe",
    "pck",
]
