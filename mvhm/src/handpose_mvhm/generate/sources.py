"""Where poses come from: the joints of a dataset, or samples within the joints' limits."""

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64, Int
from numpy import ndarray

from handpose_core.datasets.mat_files import load_mat
from handpose_core.datasets.mhp_layout import SPLIT_SEQUENCES, frames_folder
from handpose_core.datasets.mhp_text import read_joints as read_mhp_joints
from handpose_core.datasets.parsing import numbers
from handpose_core.datasets.rhd_annotations import read_annotations
from handpose_core.datasets.rhd_layout import MM_PER_METRE, SPLITS, annotation_paths, joint_rows
from handpose_core.datasets.stb_layout import LABEL_FIELD, SEQUENCES, label_path
from handpose_core.datasets.wrist import WristRule, palm_to_wrist
from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_ORDERS, N_JOINTS, Side
from handpose_core.io.image_files import visible_names
from handpose_core.rig import HandRig, pose_from_angles
from handpose_core.synth.draws import frame_generator
from handpose_core.synth.motion import draw_motion
from handpose_core.synth.poses import PoseSampler

_BLOCK = 50
"""Frames of a video that stay together in a split: neighbours show almost the same pose."""
_BATCH = 256
_MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class PoseSet:
    """Poses of right hands, left ones mirrored.

    Attributes:
        name: where they come from, in words.
        joints: canonical, mm, each in a frame of its own.
        blocks: poses of one block go into the same split.
    """

    name: str
    joints: Float64[ndarray, "poses 21 3"]
    blocks: Int[ndarray, " poses"]

    @property
    def digest(self) -> str:
        """Checksum of the joints."""
        return hashlib.sha256(np.ascontiguousarray(self.joints).tobytes()).hexdigest()


Part = tuple[str, Float64[ndarray, "n 21 3"]]
"""A video, or a split of single pictures, with its joints."""


def read_poses(text: str, wrist_rule: WristRule, leave_out: Collection[str]) -> PoseSet:
    """The poses of ``stb=PATH``, ``rhd=PATH`` or ``mhp=PATH``.

    Args:
        text: as the user wrote it.
        wrist_rule: where the wrist is put in datasets that label the palm.
        leave_out: videos or splits not to be used, such as those of a test set: ``B1Counting``, ``data_3``.

    Raises:
        HandposeError: another dataset, nothing of it in the folder, or what its reader raises.
    """
    name, _, path = text.partition("=")
    if name not in _READERS or not path:
        raise HandposeError("--poses", f"'{text}'", "stb=PATH, rhd=PATH, mhp=PATH or sampled", "Correct it.")
    parts = [part for part in _READERS[name](Path(path), wrist_rule) if part[0] not in leave_out]
    if not parts:
        raise HandposeError(
            f"--poses {text}", "no file with joints", _EXPECTED[name], "Point at the dataset's own folder."
        )
    blocks, first = [], 0
    for _, joints in parts:
        block = np.arange(len(joints)) // (_BLOCK if name != "rhd" else 1) + first
        blocks.append(block)
        first = int(block[-1]) + 1
    rule = "" if name == "rhd" else f", wrist by {wrist_rule}"
    title = f"{name} ({', '.join(part for part, _ in parts)}{rule})"
    return PoseSet(title, np.concatenate([joints for _, joints in parts]), np.concatenate(blocks))


def sample_poses(rig: HandRig, count: int, seed: int) -> PoseSet:
    """Poses drawn within the joints' limits, free of visible penetration; each is the same however many there are."""
    sampler, joints = PoseSampler(rig), []
    for start in range(0, count, _BATCH):
        generator = frame_generator(seed, "poses", start)
        pose = pose_from_angles(rig, sampler.sample(_BATCH, generator))
        joints.append(rig(pose, torch.zeros(_BATCH, rig.n_shapes)).joints)
    return PoseSet("sampled", torch.cat(joints)[:count].double().numpy(), np.arange(count))


def sample_motions(rig: HandRig, count: int, frames: int, seed: int) -> PoseSet:
    """Poses that hands pass through when they move as `draw_motion` has them; those of one motion are a block."""
    sampler, joints, nowhere = PoseSampler(rig), [], torch.zeros(3)
    for number in range(count):
        course = draw_motion(sampler, frames, nowhere, nowhere, 0.0, frame_generator(seed, "motions", number))
        joints.append(rig(pose_from_angles(rig, course.angles), torch.zeros(frames, rig.n_shapes)).joints)
    blocks = np.arange(count).repeat(frames)
    return PoseSet(f"sampled motions of {frames} frames", torch.cat(joints).double().numpy(), blocks)


def _stb(root: Path, rule: WristRule) -> Iterator[Part]:
    """Left hands; the RGB-D camera's labels, else the stereo pair's; files lie in ``labels/`` or in the root."""
    for sequence in SEQUENCES:
        usual = [label_path(root, sequence, "SK"), label_path(root, sequence, "BB")]
        path = next((p for p in (*usual, *(root / p.name for p in usual)) if p.is_file()), None)
        if path is not None:
            content = load_mat(path, "the authors' labels of a sequence", [LABEL_FIELD])
            raw = numbers(f"{path}, {LABEL_FIELD}", content.get(LABEL_FIELD), (3, N_JOINTS, None)).transpose(2, 1, 0)
            yield sequence, palm_to_wrist(raw[:, JOINT_ORDERS["stb"]], rule) * _MIRROR


def _rhd(root: Path, rule: WristRule) -> Iterator[Part]:
    """Both hands of every frame, of the training split where there is one: the other one is for tests."""
    split = next((split for split in SPLITS if any(path.is_file() for path in annotation_paths(root, split))), None)
    if split is not None:
        xyz = read_annotations(root, split).xyz.astype(np.float64) * MM_PER_METRE
        hands = [xyz[:, joint_rows(side)] * (_MIRROR if side == Side.LEFT else 1) for side in Side]
        both = np.stack(hands, axis=1).reshape(-1, N_JOINTS, 3)
        yield split, both[both.any((1, 2))]


def _mhp(root: Path, rule: WristRule) -> Iterator[Part]:
    """Right hands of the training sequences."""
    for sequence in SPLIT_SEQUENCES["train"]:
        folder = frames_folder(root, sequence)
        names = sorted(name for name in visible_names(folder) if name.endswith("_joints.txt"))
        if names:
            names.sort(key=lambda name: int(name.partition("_")[0]))
            joints = np.stack([read_mhp_joints(folder / name) for name in names])
            yield folder.name, palm_to_wrist(joints, rule)


_READERS: dict[str, Callable[[Path, WristRule], Iterator[Part]]] = {"stb": _stb, "rhd": _rhd, "mhp": _mhp}
_EXPECTED = {
    "stb": "labels/B1Counting_SK.mat and others like it",
    "rhd": "training/anno_training.pickle",
    "mhp": "annotated_frames/data_3/0_joints.txt and others like it",
}
