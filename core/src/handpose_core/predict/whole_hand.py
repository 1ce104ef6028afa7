"""From what a model says of a whole hand in a crop to the `Hand` in the picture."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy import ndarray

from handpose_core.hand import Side
from handpose_core.predict.cut import Origin
from handpose_core.predict.hands import Hand, Mesh
from handpose_core.predict.info import ModelInfo
from handpose_core.predict.recovery import hand_length, place_before_camera, project, virtual_camera_rotation
from handpose_core.predict.view import View

_IN_A_BOX = 20.0
"""How many times as high as in training the odds of a hand are where somebody drew a box around one."""
_IN_A_SEARCH = 0.03
"""The same in a square of a search that is as large as the picture. Of smaller ones there are the more, by area.

By an earlier model, of 60 generated people and 60 pictures of things, 14 and 14 were said to show a hand by it, 20 and
19 by 0.1, 31 and 28 by 0.3; of hands laid over them, 52 and 53 were found by it, no more than one more by the others.
"""


@dataclass(frozen=True)
class WholeHand:
    """One row of `handpose_core.predict.runtime.Output` and `Meshes`."""

    in_crop: Float32[ndarray, "21 2"]
    scores: Float32[ndarray, "21"]
    xyz: Float32[ndarray, "21 3"]
    vertices: Float32[ndarray, "v 3"]
    right: np.floating
    is_right: np.bool_
    middle: Float32[ndarray, "2"]
    presence: np.floating


def whole_hand(view: View, info: ModelInfo, faces: Int64[ndarray, "f 3"], said: WholeHand) -> Hand:
    """The hand in the picture: turned to the picture's camera, and put where its joints are seen.

    Args:
        view: what the model saw.
        info: of the model.
        faces: of right hands.
        said: what it said.
    """
    A = view.square.to_crop(info.image_size)
    pixels = (said.in_crop.astype(np.float64) - A[:2, 2]) / A[0, 0]
    turn = virtual_camera_rotation(A @ view.K, said.middle.astype(np.float64))
    hand_mm = info.hand_mm if view.hand_mm is None else view.hand_mm
    scale = info.bone_mm if hand_mm is None else hand_mm / hand_length(said.xyz)
    joints, vertices = (points.astype(np.float64) @ turn * scale for points in (said.xyz, said.vertices))
    wrist = place_before_camera(joints, pixels, view.K)
    seen = project(vertices + wrist, view.K)
    centre = view.square.centre.copy()
    if view.mirrored:
        for places in (pixels, seen, centre[None]):
            places[:, 0] = view.width - 1 - places[:, 0]
    right = float(said.right)
    return Hand(
        joints_2d=pixels,
        joints_3d=joints,
        confidence=np.clip(_confidence(said, view), 0, 1),
        side=Side.RIGHT if said.is_right else Side.LEFT,
        wrist=wrist if view.absolute else None,
        square=np.array([*centre, view.square.side]),
        origin=view.square.origin,
        side_confidence=max(right, 1 - right) if view.side is None else None,
        mesh=Mesh(vertices, faces if said.is_right else faces[:, ::-1].copy(), seen),
    )


def _confidence(said: WholeHand, view: View) -> Float64[ndarray, "21"]:
    """Scores as the model has them, with the odds of a hand that go with why it was looked at, by Bayes' rule."""
    k = _odds(view)
    return said.scores.astype(np.float64) * (k / (1 + (k - 1) * float(said.presence)))


def _odds(view: View) -> float:
    if view.square.origin is Origin.BOX:
        return _IN_A_BOX
    if view.square.origin is Origin.SEARCH:
        return _IN_A_SEARCH * min(1.0, view.square.side / min(view.width, view.height)) ** 2
    return 1.0
