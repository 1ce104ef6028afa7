"""Joint angles as a hand has them: flexion from straight, abduction, twist, and their limits."""

import torch
from jaxtyping import Float
from torch import Tensor

from handpose_core.rig.skinning import HandRig, hinge_rotation

_FINGER_LIMITS = (((-25, 92), (-22, 22), (-4, 4)), ((-4, 112), (-2, 2), (-2, 2)), ((-8, 82), (-2, 2), (-2, 2)))
_THUMB_LIMITS = (((-25, 45), (-50, 25), (-25, 35)), ((-15, 60), (-8, 8), (-5, 5)), ((-20, 82), (-2, 2), (-2, 2)))

JOINT_LIMITS: Float[Tensor, "15 3 2"] = torch.tensor([_THUMB_LIMITS, *[_FINGER_LIMITS] * 4]).flatten(0, 1).deg2rad()
"""(lowest, highest) flexion, abduction and twist of each finger joint in radians, in the order of `asset.ARTICULATED`.

Fingers: 0 is straight in line with the bone before (MCP: in the palm's plane); ranges of healthy adults.
Thumb: 0 is the rig's rest; negative abduction brings it out of the palm's plane, into opposition.
"""


def rest_flexion(rig: HandRig) -> Float[Tensor, "15"]:
    """How far each finger joint is flexed in the rig's rest pose, radians; 0 for the thumb, by definition."""
    frames = rig.rest_frames(rig.joints[None])[0, 1:].unflatten(0, (5, 3))
    along = frames[..., 1]
    palm = torch.asin(along[:, 0, 2].clamp(-1, 1))
    bend = torch.linalg.cross(along[:, :-1], along[:, 1:])
    hinge = frames[:, 1:, :, 0]
    later = torch.atan2((bend * hinge).sum(-1), (along[:, :-1] * along[:, 1:]).sum(-1))
    flexion = torch.cat([palm[:, None], later], dim=1)
    flexion[0] = 0
    return flexion.flatten()


def pose_from_angles(rig: HandRig, angles: Float[Tensor, "batch 15 3"]) -> Float[Tensor, "batch 15 3 3"]:
    """The rig's pose of a hand with these flexions, abductions and twists (radians, as `JOINT_LIMITS` has them).

    Abduction fades as a finger flexes, as its ligaments make it: at 90 degrees there is none.
    """
    flexion, abduction, twist = angles.unbind(-1)
    fades = torch.ones_like(flexion)
    fades[:, 3:] = flexion[:, 3:].cos().clamp(0, 1)
    return hinge_rotation(flexion - rest_flexion(rig).to(angles), abduction * fades, twist)
