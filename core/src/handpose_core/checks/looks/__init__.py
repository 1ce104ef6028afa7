"""Every check that ``handpose data check`` makes, a function each; a new one is a function and a line here."""

from collections.abc import Callable

from handpose_core.checks.looks.bones import bone_constancy, bone_sizes
from handpose_core.checks.looks.counts import counts, left_out
from handpose_core.checks.looks.depth import depth_fits
from handpose_core.checks.looks.files import duplicates, files_whole, usual_kinds
from handpose_core.checks.looks.finite import finite
from handpose_core.checks.looks.inside import inside_picture
from handpose_core.checks.looks.labels import labels_read
from handpose_core.checks.looks.mask import mask_fits
from handpose_core.checks.looks.order import joint_order
from handpose_core.checks.looks.reprojection import reprojection
from handpose_core.checks.looks.side import side
from handpose_core.checks.looks.units import units
from handpose_core.checks.part import Part
from handpose_core.checks.verdict import Verdict

CHECKS: dict[str, Callable[[Part], Verdict]] = {
    "files": counts,
    "left out": left_out,
    "labels": labels_read,
    "whole": files_whole,
    "kinds": usual_kinds,
    "duplicates": duplicates,
    "numbers": finite,
    "unit": units,
    "joint order": joint_order,
    "side": side,
    "bones": bone_sizes,
    "bone constancy": bone_constancy,
    "reprojection": reprojection,
    "in picture": inside_picture,
    "mask": mask_fits,
    "depth": depth_fits,
}
"""Name to check, in the order in which they are told."""
