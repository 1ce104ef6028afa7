"""Where a rig's wrist and fingertips are: the same places of the hand for every rig, whatever its maker took for them.

Makers of rigs put the first bone's head anywhere between forearm and carpus, and "tip" nodes up to half a phalanx
inside the finger. Joints that differ by a tenth of the hand teach an estimator the mean of two hands.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from handpose_core.hand import FINGER_JOINTS, WRIST

PALM_OVER_FINGER = 0.446 / (1 - 0.446)
"""From the wrist to the middle MCP, over from there to the finger's end: Buchholz, Armstrong and Goldstein 1992,
"Anthropometric data for describing the kinematics of the human hand", Ergonomics 35(3): 0.446 of the hand's length."""


def wrist_at_carpus(joints: Float[ndarray, "*n 21 3"]) -> Float[ndarray, "*n 21 3"]:
    """Joints whose wrist is moved on its line to the middle MCP until the palm is as long as `PALM_OVER_FINGER` has it.

    Args:
        joints: mm, fingertips on the skin.
    """
    chain = joints[..., list(FINGER_JOINTS["middle"]), :]
    finger = np.linalg.norm(np.diff(chain, axis=-2), axis=-1).sum(-1)[..., None]
    back = joints[..., WRIST, :] - chain[..., 0, :]
    moved = joints.copy()
    moved[..., WRIST, :] = chain[..., 0, :] + back * (
        PALM_OVER_FINGER * finger / np.linalg.norm(back, axis=-1, keepdims=True)
    )
    return moved


def tips_on_skin(
    joints: Float[ndarray, "21 3"], vertices: Float[ndarray, "v 3"], weights: Float[ndarray, "v 16"]
) -> Float[ndarray, "21 3"]:
    """Joints whose fingertips are moved along the last phalanges to where the surface ends.

    Args:
        joints: mm.
        vertices: likewise.
        weights: skinning weights; a fingertip's vertices are those that its last bone moves most. Without any, a tip
            stays where it is.
    """
    moved = joints.copy()
    for finger, chain in enumerate(FINGER_JOINTS.values()):
        start, tip = joints[chain[2]], joints[chain[3]]
        distal = vertices[weights[:, 3 + 3 * finger] > 0.5]
        if len(distal):
            along = (tip - start) / np.linalg.norm(tip - start)
            moved[chain[3]] = start + along * ((distal - start) @ along).max()
    return moved
