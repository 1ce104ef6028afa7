"""A sample's labels in words, a row each."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from handpose_core.camera import project
from handpose_core.datasets.sample import Sample
from handpose_core.hand import BONES, JOINT_NAMES, REFERENCE_BONE, WRIST, Side

Row = tuple[str, str]
"""What it is, and its value with the unit."""

_NUMBERS = ("sequence", "frame", "view")


def label_rows(sample: Sample) -> list[Row]:
    """What a person wants to know of an un-cropped or cropped sample; only of the keys that it has."""
    return [*_picture(sample), *_joints(sample), *_space(sample), *_surfaces(sample), *_numbers(sample)]


def _picture(sample: Sample) -> Iterator[Row]:
    if "image" in sample:
        height, width = sample["image"].shape[-2:]
        yield "image", f"{width} x {height} px"
    if "side" in sample:
        yield "hand", Side(int(sample["side"])).name.lower()
    if "K" in sample:
        (fx, _, cx), (_, fy, cy), _ = sample["K"].tolist()
        yield "K", f"fx {fx:.1f}, fy {fy:.1f}, cx {cx:.1f}, cy {cy:.1f} px"
    if "box" in sample:
        left, top, right, bottom = sample["box"].tolist()
        yield "box", f"{left:z.0f}, {top:z.0f} to {right:z.0f}, {bottom:z.0f} px"


def _joints(sample: Sample) -> Iterator[Row]:
    for key in ("annotated", "visible"):
        if key in sample:
            lacking = [name for name, has in zip(JOINT_NAMES, sample[key].tolist(), strict=True) if not has]
            but = f"; not {', '.join(lacking)}" if 0 < len(lacking) <= 6 else ""
            yield f"joints {key}", f"{int(sample[key].sum())} of {len(JOINT_NAMES)}{but}"
    if "joints_2d" in sample and "image" in sample:
        height, width = sample["image"].shape[-2:]
        points = sample["joints_2d"][_known(sample)]
        inside = ((points > -0.5) & (points < torch.tensor([width - 0.5, height - 0.5]))).all(-1)
        yield "joints in the picture", f"{int(inside.sum())} of {len(points)}"


def _space(sample: Sample) -> Iterator[Row]:
    if "joints_3d" not in sample:
        return
    joints, known = sample["joints_3d"].double(), _known(sample)
    if known.any():
        near, far = joints[known, 2].min(), joints[known, 2].max()
        yield "depth of the joints", f"{near:.0f} to {far:.0f} mm"
    if known[WRIST]:
        yield "wrist", ", ".join(f"{value:z.1f}" for value in joints[WRIST].tolist()) + " mm"
    if known[list(REFERENCE_BONE)].all():
        start, end = (JOINT_NAMES[joint].replace("_", " ") for joint in REFERENCE_BONE)
        yield f"{start} to {end}", f"{_length(joints, REFERENCE_BONE):.1f} mm"
    if known.all():
        bones = [_length(joints, bone) for bone in BONES]
        yield "bones", f"{min(bones):.1f} to {max(bones):.1f} mm"
    if "joints_2d" in sample and "K" in sample and known.any():
        off = (project(joints, sample["K"].double()) - sample["joints_2d"])[known].norm(dim=-1)
        yield "reprojection error", f"at most {off.max():.2g} px"


def _surfaces(sample: Sample) -> Iterator[Row]:
    if "depth" in sample:
        measured = sample["depth"][sample["depth"] > 0]
        values = f"{measured.min():.0f} to {measured.max():.0f} mm" if len(measured) else "nothing measured"
        yield "depth image", f"{values}, {len(measured) / sample['depth'].numel():.0%} of the pixels"
    if "depth" in sample and "mask" in sample and (on_hand := sample["mask"] & (sample["depth"] > 0)).any():
        yield "depth of the hand", f"{sample['depth'][on_hand].min():.0f} to {sample['depth'][on_hand].max():.0f} mm"
    if "mask" in sample:
        yield "mask", f"{int(sample['mask'].sum())} px, {sample['mask'].double().mean():.1%} of the picture"
    if "vertices" in sample:
        yield "vertices", str(len(sample["vertices"]))


def _numbers(sample: Sample) -> Iterator[Row]:
    yield from ((key, str(int(sample[key]))) for key in _NUMBERS if key in sample)


def _known(sample: Sample) -> Tensor:
    """Joints that have a label."""
    return sample["annotated"] if "annotated" in sample else torch.ones(len(JOINT_NAMES), dtype=torch.bool)


def _length(joints: Float[Tensor, "21 3"], bone: tuple[int, int]) -> float:
    return float((joints[bone[1]] - joints[bone[0]]).norm())
