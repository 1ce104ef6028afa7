"""RHD's twin: single frames of one hand, with mask classes and the rows of both hands, in metres."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from handpose_core.datasets.rhd_layout import (
    BACKGROUND,
    BONE_CLASSES,
    PERSON,
    SIZE,
    SPLITS,
    Split,
    joint_rows,
    raw_joints,
)
from handpose_core.hand import Side
from handpose_core.synth.frame import SyntheticFrame
from handpose_core.synth.generate import Annotations, Twin
from handpose_core.synth.layouts.rhd import RHDFrame, annotation, frame_is_written, write_annotations, write_frame
from handpose_core.synth.twins.worlds import world_of

_APART = 400.0
"""mm between the two hands' wrists, at least; enough to have the other one out of the picture."""


class RHDTwin(Twin):
    """Makes RHD's two splits of independent frames."""

    def parts(self, frames: int) -> dict[str, int]:
        """``frames`` to train with and a tenth of that to evaluate with."""
        return {"training": frames, "evaluation": max(1, frames // 10)}

    def is_written(self, root: Path, part: str, number: int) -> bool:
        """See `handpose_core.synth.generate.Twin`."""
        return frame_is_written(root, _split(part), number)

    def make(self, root: Path, part: str, numbers: Sequence[int]) -> Annotations:
        """See `handpose_core.synth.generate.Twin`."""
        frames = [
            rhd_frame(frame) for frame in world_of(self.recipe, (SIZE, SIZE)).frames(self.recipe.seed, part, numbers)
        ]
        for number, frame in zip(numbers, frames, strict=True):
            write_frame(root, _split(part), number, frame)
        rows = [annotation(frame) for frame in frames]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def finish(self, root: Path, part: str, annotations: Annotations) -> None:
        """See `handpose_core.synth.generate.Twin`."""
        count = len(annotations["K"])
        rows = {number: {name: array[number] for name, array in annotations.items()} for number in range(count)}
        write_annotations(root, _split(part), rows)

    def patterns(self, part: str) -> Sequence[str]:
        """See `handpose_core.synth.generate.Twin`."""
        return (f"{part}/**/*",)


def _split(part: str) -> Split:
    return next(split for split in SPLITS if split == part)


def rhd_frame(frame: SyntheticFrame) -> RHDFrame:
    """Put a frame into RHD's form. It always labels two hands: the other one is beside the first, out of sight."""
    class_of_segment = np.array([BACKGROUND, PERSON, *BONE_CLASSES[frame.side]], np.uint8)
    uv_vis, xyz = raw_joints(frame.joints_2d, frame.visible, frame.joints_3d, frame.side)
    other = Side.LEFT if frame.side == Side.RIGHT else Side.RIGHT
    beside = _beside(frame)
    homogeneous = beside @ frame.K.T
    unseen = np.zeros(len(beside), bool)
    uv_other, xyz_other = raw_joints(homogeneous[:, :2] / homogeneous[:, 2:], unseen, beside, other)
    rows = joint_rows(other)
    uv_vis[rows], xyz[rows] = uv_other[rows], xyz_other[rows]
    return RHDFrame(
        colour=frame.colour,
        depth=frame.depth,
        classes=class_of_segment[frame.segments],
        uv_vis=uv_vis,
        xyz=xyz,
        K=frame.K,
    )


def _beside(frame: SyntheticFrame) -> Float[ndarray, "21 3"]:
    """The other hand's joints: the first's mirrored and moved out of the picture, to the side a body would have it."""
    width = frame.colour.shape[1]
    half_view = width / 2 / frame.K[0, 0] * frame.joints_3d[:, 2].max()
    mirrored = frame.joints_3d * np.array([-1.0, 1.0, 1.0])
    direction = 1.0 if frame.side == Side.LEFT else -1.0
    away = direction * (half_view + _APART)
    mirrored[:, 0] += away - mirrored[:, 0].mean()
    return mirrored
