"""Groups of views as rows of single images, and what the views together say of a hand.

A group's rows follow one another; each has ``present`` (M bool), which of its group's M views there are.
"""

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from handpose_core.datasets.sample import Sample, labelled
from handpose_core.errors import HandposeError
from handpose_core.hand import MIDDLE_PIP, N_JOINTS, REFERENCE_BONE, WRIST
from handpose_core.precision import single_precision
from handpose_mvhm.networks import ViewPoses

PRESENT = "present"
"""Sample key, also of a batch of groups (B M): views that are missing. Without it all are there."""
_NOMINAL_DEPTH, _NOMINAL_BONE = 500.0, 45.0  # mm


def as_rows(batch: Sample) -> Sample:
    """A batch of view groups (B M ...) as B M rows; a batch of single images as it is."""
    if batch["image"].ndim != 5:
        return batch
    groups, views = batch["image"].shape[:2]
    every = torch.ones(groups, views, dtype=torch.bool, device=batch["image"].device)
    rows = {key: value.flatten(0, 1) for key, value in batch.items() if key != PRESENT}
    return {**rows, PRESENT: batch.get(PRESENT, every).repeat_interleave(views, dim=0)}


def grouped(rows: Shaped[Tensor, "n *rest"], batch: Sample) -> Shaped[Tensor, "groups views *rest"]:
    """Values of each row as those of groups; raises what `present_views` raises."""
    return rows.unflatten(0, present_views(batch).shape)


def present_views(batch: Sample) -> Bool[Tensor, "groups views"]:
    """Which views each group of the rows has.

    Raises:
        HandposeError: the batch is of single images, or its rows have no cameras.
    """
    if not {PRESENT, "R", "t"} <= batch.keys():
        raise HandposeError(
            "batch", "single images", "groups of views with their cameras R and t, as model.fusion needs",
            "Set --data.group views, or leave model.fusion out.",
        )  # fmt: skip
    of_rows = batch[PRESENT]
    return of_rows[:: of_rows.shape[1]]


def drop_views(batch: Sample, least: int) -> Sample:
    """Rows of whose groups only some views stay, at random: how many is drawn evenly from ``least`` to all."""
    present = present_views(batch)
    views = present.shape[1]
    order = torch.rand(present.shape, device=present.device).masked_fill(~present, 2.0).argsort(dim=1).argsort(dim=1)
    wanted = torch.randint(min(least, views), views + 1, (len(present), 1), device=present.device)
    return {**batch, PRESENT: (present & (order < wanted)).repeat_interleave(views, dim=0)}


@single_precision
def to_world(points: Float[Tensor, "n p 3"], batch: Sample) -> Float[Tensor, "n p 3"]:
    """Points of each row's camera frame (mm) in the world's."""
    return (points - batch["t"][:, None]) @ batch["R"]


@single_precision
def to_cameras(points: Float[Tensor, "groups p 3"], batch: Sample) -> Float[Tensor, "n p 3"]:
    """World points (mm) of each group in the camera frames of its rows."""
    rows = points.repeat_interleave(batch[PRESENT].shape[1], dim=0)
    return rows @ batch["R"].transpose(-1, -2) + batch["t"][:, None]


def view_poses(
    joints_3d: Float[Tensor, "n 21 3"], scores: Float[Tensor, "n 21"], scale: Float[Tensor, "n"], batch: Sample
) -> ViewPoses:
    """What the rows of a batch say of their groups' hands.

    Args:
        joints_3d: each row's estimate, mm, camera frame.
        scores: of each joint's place in its picture.
        scale: length of the reference bone, mm.
        batch: the rows' cameras, and which of them there are.
    """
    centres = to_world(torch.zeros_like(joints_3d[:, :1]), batch)[:, 0]
    present = present_views(batch)
    scales = grouped(scale, batch).masked_fill(~present, 0).sum(1) / present.sum(1).clamp_min(1)
    return ViewPoses(
        grouped(to_world(joints_3d, batch), batch), grouped(centres, batch), grouped(scores, batch), present, scales
    )


def anchored(batch: Sample) -> Bool[Tensor, "n"]:
    """Return which hands have 3D labels of what relative depths are relative to: wrist and reference bone."""
    return batch["annotated"][:, [WRIST, *REFERENCE_BONE]].all(dim=1) & labelled(batch, "joints_3d")


def group_truth(batch: Sample) -> tuple[Float[Tensor, "groups 21 3"], Bool[Tensor, "groups 21"]]:
    """Each group's true joints (mm, world frame), the mean of what its annotated views say, and which are known."""
    counted = grouped((batch["annotated"] & anchored(batch)[:, None]).float(), batch) * present_views(batch)[..., None]
    known = counted.sum(1)
    truth = grouped(to_world(usable_truth(batch), batch), batch)
    return truth.where(counted[..., None] > 0, 0).sum(1) / known.clamp_min(1)[..., None], known > 0


def usable_truth(batch: Sample) -> Float[Tensor, "n 21 3"]:
    """The true joints, mm; of hands that are not `anchored` some others: not-a-number must reach no gradient."""
    nominal = batch["joints_3d"].new_zeros(N_JOINTS, 3)
    nominal[:, 2] = _NOMINAL_DEPTH
    nominal[MIDDLE_PIP, 1] = _NOMINAL_BONE
    return torch.where(anchored(batch)[:, None, None], batch["joints_3d"], nominal)
