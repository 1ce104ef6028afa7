"""Where poses come from: the joints of a dataset, or samples within the joints' limits."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64, Int
from numpy import ndarray

from handpose_core.datasets.mat_files import load_mat
from handpose_core.datasets.mhp_layout import SPLIT_SEQUENCES as MHP_SPLITS
from handpose_core.datasets.mhp_layout import frames_folder
from handpose_core.datasets.mhp_text import read_joints as read_mhp_joints
from handpose_core.datasets.parsing import numbers
from handpose_core.datasets.rhd_annotations import read_annotations
from handpose_core.datasets.rhd_layout import MM_PER_METRE, SPLITS, annotation_paths, joint_rows
from handpose_core.datasets.stb_layout import LABEL_FIELD, SEQUENCES, label_path
from handpose_core.datasets.stb_layout import SPLIT_SEQUENCES as STB_SPLITS
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
        left_out: videos or splits of the source that were not read.
    """

    name: str
    joints: Float64[ndarray, "poses 21 3"]
    blocks: Int[ndarray, " poses"]
    left_out: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Checksum of the joints."""
        return hashlib.sha256(np.ascontiguousarray(self.joints).tobytes()).hexdigest()


Part = tuple[str, Float64[ndarray, "n 21 3"]]
"""A video, or a split of single pictures, with its joints."""


def read_poses(
    text: str, wrist_rule: WristRule, leave_out: Collection[str] = (), include_test: bool = False
) -> PoseSet:
    """Read the poses of ``stb=PATH``, ``rhd=PATH`` or ``mhp=PATH``.

    Args:
        text: as the user wrote it.
        wrist_rule: where the wrist is put in datasets that label the palm.
        leave_out: further videos or splits not to be used: ``B6Random``, ``data_3``.
        include_test: use the poses of the dataset's test split, too.

    Returns:
        The poses, in the order of the dataset's videos.

    Raises:
        HandposeError: another dataset, a name in ``leave_out`` that it does not have, nothing left to read in the
            folder, or what its reader raises.
    """
    name, _, path = text.partition("=")
    if name not in _SOURCES or not path:
        raise HandposeError("--poses", f"'{text}'", "stb=PATH, rhd=PATH, mhp=PATH or sampled", "Correct it.")
    source = _SOURCES[name]
    if unknown := [part for part in leave_out if part not in source.names]:
        raise HandposeError("--leave-out", ", ".join(unknown), f"names out of {', '.join(source.names)}", "Correct it.")
    left_out = {*leave_out, *(() if include_test else source.test)}
    parts = list(source.read(Path(path), wrist_rule, [part for part in source.names if part not in left_out]))
    unused = tuple(part for part in source.names if part in left_out)
    if not parts:
        raise HandposeError(
            f"--poses {text}", f"no file with joints besides what is left out ({', '.join(unused) or 'nothing'})",
            source.expected, "Point at the dataset's own folder. --include-test-poses uses its test split, too.",
        )  # fmt: skip
    blocks, first = [], 0
    for _, joints in parts:
        block = np.arange(len(joints)) // (_BLOCK if name != "rhd" else 1) + first
        blocks.append(block)
        first = int(block[-1]) + 1
    rule = "" if name == "rhd" else f", wrist by {wrist_rule}"
    title = f"{name} ({', '.join(part for part, _ in parts)}{rule})"
    return PoseSet(title, np.concatenate([joints for _, joints in parts]), np.concatenate(blocks), unused)


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


def _stb(root: Path, rule: WristRule, names: Sequence[str]) -> Iterator[Part]:
    """Left hands; the RGB-D camera's labels, else the stereo pair's; files lie in ``labels/`` or in the root."""
    for sequence in names:
        usual = [label_path(root, sequence, "SK"), label_path(root, sequence, "BB")]
        path = next((p for p in (*usual, *(root / p.name for p in usual)) if p.is_file()), None)
        if path is not None:
            content = load_mat(path, "the authors' labels of a sequence", [LABEL_FIELD])
            raw = numbers(f"{path}, {LABEL_FIELD}", content.get(LABEL_FIELD), (3, N_JOINTS, None)).transpose(2, 1, 0)
            yield sequence, palm_to_wrist(raw[:, JOINT_ORDERS["stb"]], rule) * _MIRROR


def _rhd(root: Path, rule: WristRule, names: Sequence[str]) -> Iterator[Part]:
    """Both hands of every frame."""
    for split in (split for split in SPLITS if split in names):
        if any(path.is_file() for path in annotation_paths(root, split)):
            xyz = read_annotations(root, split).xyz.astype(np.float64) * MM_PER_METRE
            hands = [xyz[:, joint_rows(side)] * (_MIRROR if side == Side.LEFT else 1) for side in Side]
            both = np.stack(hands, axis=1).reshape(-1, N_JOINTS, 3)
            yield split, both[both.any((1, 2))]


def _mhp(root: Path, rule: WristRule, names: Sequence[str]) -> Iterator[Part]:
    """Right hands."""
    for sequence in names:
        folder = frames_folder(root, _MHP_NUMBERS[sequence])
        files = sorted(name for name in visible_names(folder) if name.endswith("_joints.txt"))
        if files:
            files.sort(key=lambda name: int(name.partition("_")[0]))
            joints = np.stack([read_mhp_joints(folder / name) for name in files])
            yield sequence, palm_to_wrist(joints, rule)


@dataclass(frozen=True)
class _Source:
    """A dataset that poses are read from.

    Attributes:
        names: of its videos, or of its splits where it has no videos.
        test: those of its test split.
        read: yields the poses of some of them.
        expected: files that it has.
    """

    names: tuple[str, ...]
    test: tuple[str, ...]
    read: Callable[[Path, WristRule, Sequence[str]], Iterator[Part]]
    expected: str


_MHP_NUMBERS = {f"data_{number}": number for number in sorted(n for own in MHP_SPLITS.values() for n in own)}
_SOURCES = {
    "stb": _Source(SEQUENCES, STB_SPLITS["test"], _stb, "labels/B2Counting_SK.mat and others like it"),
    "rhd": _Source(SPLITS, ("evaluation",), _rhd, "training/anno_training.pickle"),
    "mhp": _Source(
        tuple(_MHP_NUMBERS),
        tuple(name for name, number in _MHP_NUMBERS.items() if number not in MHP_SPLITS["train"]),
        _mhp,
        "annotated_frames/data_3/0_joints.txt and others like it",
    ),
}
