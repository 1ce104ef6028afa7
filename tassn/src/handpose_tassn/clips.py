"""Clips, and what is said of them in both directions."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from handpose_core.camera import project, reference_length
from handpose_core.datasets.sample import Sample, labelled
from handpose_core.hand import REFERENCE_BONE, WRIST
from handpose_tassn.flow import Flow
from handpose_tassn.networks import ClipOutput
from handpose_tassn.reversal import Seen


class Passes(NamedTuple):
    """Clips as the network sees them forward and backward, time in the clips' own order in both.

    Attributes:
        forward: what it says of each frame after those before it.
        backward: what it says of each frame after those behind it.
        faces: of the meshes.
    """

    forward: ClipOutput
    backward: ClipOutput
    faces: Int[Tensor, "f 3"]


def as_clips(batch: Sample) -> Sample:
    """The batch with a time axis: single images become clips of one frame."""
    return batch if batch["image"].ndim == 5 else {key: value.unsqueeze(1) for key, value in batch.items()}


def as_frames(batch: Sample) -> Sample:
    """The batch without its time axis, clip after clip."""
    return {key: value.flatten(0, 1) for key, value in batch.items()} if batch["image"].ndim == 5 else batch


def forward_flow(images: Float[Tensor, "n t 3 s s"], flow: Flow) -> Float[Tensor, "n t 2 s s"]:
    """Flow to each frame from the one before it, px; zero to the first."""
    # not len(images), which export would take for a constant
    still = images.new_zeros(images.shape[0], 1, 2, *images.shape[-2:])
    if images.shape[1] == 1:
        return still
    ahead = flow.estimate(images[:, :-1].flatten(0, 1), images[:, 1:].flatten(0, 1))
    return torch.cat([still, ahead.unflatten(0, (len(images), -1)).to(still)], dim=1)


def both_directions(
    images: Float[Tensor, "n t 3 s s"], reverse: Seen, flow: Flow
) -> tuple[Float[Tensor, "both t 3 s s"], Float[Tensor, "both t 2 s s"]]:
    """The clips, then the clips reversed (section 4.3.3's reversed temporal measurement), each with its flow.

    Args:
        images: the clips.
        reverse: the clips as they are seen reversed.
        flow: estimates optical flow.
    """
    both = torch.cat([images, reverse.images.flip(1)])
    still = both.new_zeros(len(both), 1, 2, *both.shape[-2:])
    if images.shape[1] == 1:
        return both, still
    if reverse.images is images:  # the same pictures: their flow the other way
        ways = flow.both_ways(images[:, :-1].flatten(0, 1), images[:, 1:].flatten(0, 1))
        ahead, back = (one.unflatten(0, (len(images), -1)) for one in ways)
        return both, torch.cat([still, torch.cat([ahead, back.flip(1)]).to(still)], dim=1)
    return both, forward_flow(both, flow)


def in_clip_order(output: ClipOutput, reverse: Seen, faces: Int[Tensor, "f 3"]) -> Passes:
    """Both directions' outputs out of that for `both_directions`, in the clips' own crops."""
    stages = [stage.chunk(2) for stage in output.stages]
    vertices, joints = output.vertices.chunk(2), output.joints.chunk(2)
    forward = ClipOutput([stage[0] for stage in stages], vertices[0], joints[0])
    backward = ClipOutput([stage[1].flip(1) for stage in stages], vertices[1].flip(1), joints[1].flip(1))
    return Passes(forward, reverse.brought_back(backward), faces)


def places(pixels: Float[Tensor, "*batch n 2"], image_size: int) -> Float[Tensor, "*batch n 2"]:
    """Places (u, v) from 0 to 1 over the crop: its outer edges, not the centres of its outer pixels."""
    return (pixels + 0.5) / image_size


def pixels(places: Float[Tensor, "*batch n 2"], image_size: int) -> Float[Tensor, "*batch n 2"]:
    """Pixels of the crop from places (u, v)."""
    return places * image_size - 0.5


def labelled_places(batch: Sample, key: str) -> tuple[Float[Tensor, "n t p 3"], Bool[Tensor, "n t"]]:
    """(u, v, d) of labelled points, and which hands have the labels that depths are relative to.

    Args:
        batch: clips with ``joints_3d``, ``annotated`` and ``K``.
        key: ``joints_3d`` or ``vertices``, mm.
    """
    points, joints = batch[key], batch["joints_3d"]
    anchored = batch["annotated"][..., [WRIST, *REFERENCE_BONE]].all(-1)
    anchored = anchored & labelled(batch, "joints_3d") & labelled(batch, key)
    relative = (points[..., 2] - joints[..., [WRIST], 2]) / reference_length(joints)[..., None]
    where = places(project(points, batch["K"]), batch["image"].shape[-1])
    return torch.cat([where, relative[..., None]], dim=-1), anchored
