"""STB's joints, from the authors' ``.mat`` files."""

from pathlib import Path

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from handpose_core.datasets.mat_files import load_mat
from handpose_core.datasets.parsing import numbers
from handpose_core.datasets.stb_layout import LABEL_FIELD, Rig, label_path
from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_ORDERS, N_JOINTS


def read_joints(root: Path, sequence: str, rig: Rig) -> Float64[ndarray, "frames 21 3"]:
    """The joints (mm) of one sequence in canonical order, the palm in the wrist's place, in the labels' frame.

    Raises:
        HandposeError: the file is missing or damaged, or the field is missing, of another shape or not finite.
    """
    path = label_path(root, sequence, rig)
    content = load_mat(path, "the authors' labels of a sequence", [LABEL_FIELD])
    if LABEL_FIELD not in content:
        raise HandposeError(
            f"{path}, {LABEL_FIELD}", "no such variable", f"3 x {N_JOINTS} x n joints", "Get the file again."
        )
    joints = numbers(f"{path}, {LABEL_FIELD}", content[LABEL_FIELD], (3, N_JOINTS, None)).transpose(2, 1, 0)
    return np.ascontiguousarray(joints[:, JOINT_ORDERS["stb"]])
