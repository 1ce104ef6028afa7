"""The hand model: a rigged, skinned hand with shape variation; any other rig by path."""

from handpose_core.rig.articulation import JOINT_LIMITS, pose_from_angles, rest_flexion
from handpose_core.rig.asset import ARTICULATED, RigData, save_rig
from handpose_core.rig.load import load_rig
from handpose_core.rig.resample import resample
from handpose_core.rig.skinning import HandRig, PosedHand, hinge_rotation, mirror

__all__ = [
    "ARTICULATED",
    "JOINT_LIMITS",
    "HandRig",
    "PosedHand",
    "RigData",
    "hinge_rotation",
    "load_rig",
    "mirror",
    "pose_from_angles",
    "resample",
    "rest_flexion",
    "save_rig",
]
