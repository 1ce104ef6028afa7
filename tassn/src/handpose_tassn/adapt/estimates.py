"""Poses and meshes of a whole video, in pixels of its frames and in millimetres."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from handpose_core.camera import back_project, solve_root_depth, transform_pixels
from handpose_core.datasets.sample import Sample
from handpose_core.training.prediction import RECOVERIES, Estimate
from handpose_core.training.results import ScoreSheet
from handpose_tassn.adapt.crops import TO_CROP, VideoClips
from handpose_tassn.adapt.tracks import Tracks
from handpose_tassn.clips import as_frames, pixels
from handpose_tassn.module import TASSNModule
from handpose_tassn.networks import ClipOutput

ALIGNMENTS = ("root", "procrustes")


@dataclass(frozen=True)
class VideoEstimate:
    """What is estimated of each frame.

    Attributes:
        joints_2d: px of the frame.
        joints_3d: mm, camera frame.
        z_rel: depth relative to the wrist, in reference bones.
        scores: of the joints.
        vertices: mm, camera frame.
        vertices_2d: px of the frame.
        table: scores against true 3D joints, by recovery and alignment; empty where none are known.
    """

    joints_2d: Float[ndarray, "frames 21 2"]
    joints_3d: Float[ndarray, "frames 21 3"]
    z_rel: Float[ndarray, "frames 21"]
    scores: Float[ndarray, "frames 21"]
    vertices: Float[ndarray, "frames v 3"]
    vertices_2d: Float[ndarray, "frames v 2"]
    table: dict[str, float]

    def epe_2d(self, tracks: Tracks) -> float:
        """Mean distance (px of the frame) to the known joints."""
        distances = np.linalg.norm(self.joints_2d - tracks.joints_2d, axis=-1)
        return float(distances[tracks.annotated].mean())


@torch.no_grad()
def estimate_video(module: TASSNModule, clips: VideoClips, tracks: Tracks) -> VideoEstimate:
    """Every frame's pose and mesh, each clip read forward."""
    module.eval()
    rows: dict[int, dict[str, ndarray]] = {}
    sheet = ScoreSheet(RECOVERIES, ALIGNMENTS)
    for position in range(len(clips)):
        batch = {key: value[None] for key, value in clips[position].items()}
        frames = as_frames(batch)
        output = module(*module.inputs(batch))
        estimate = module.decode(output, batch["image"].shape[-1])
        found = _in_frame(module, output, estimate, frames)
        numbers = frames["index"].tolist()
        new = [place for place, number in enumerate(numbers) if number not in rows]
        for place in new:
            rows[numbers[place]] = {key: value[place].cpu().numpy() for key, value in found.items()}
        if tracks.truth is not None and new:
            truth = torch.from_numpy(tracks.truth[numbers])
            _score(sheet, module, estimate, {**frames, "joints_3d": truth}, new)
    ordered = [rows[frame] for frame in sorted(rows)]
    return VideoEstimate(
        **{key: np.stack([row[key] for row in ordered]) for key in ordered[0]}, table=_table(sheet, tracks)
    )


def _in_frame(module: TASSNModule, output: ClipOutput, estimate: Estimate, frames: Sample) -> dict[str, Tensor]:
    """Joints and mesh in px of the frames and in mm."""
    scale = module.bone_mm.to(estimate.z_rel)
    root = solve_root_depth(estimate.joints_2d, estimate.z_rel, frames["K"], scale.expand(len(estimate.z_rel)))
    mesh = output.vertices.flatten(0, 1).float()
    places = pixels(mesh[..., :2], frames["image"].shape[-1])
    to_frame = torch.linalg.inv(frames[TO_CROP])
    return {
        "joints_2d": transform_pixels(estimate.joints_2d, to_frame),
        "joints_3d": back_project(estimate.joints_2d, estimate.z_rel * scale + root[:, None], frames["K"]),
        "z_rel": estimate.z_rel,
        "scores": estimate.scores,
        "vertices": back_project(places, mesh[..., 2] * scale + root[:, None], frames["K"]),
        "vertices_2d": transform_pixels(places, to_frame),
    }


def _score(sheet: ScoreSheet, module: TASSNModule, estimate: Estimate, labelled: Sample, new: list[int]) -> None:
    labelled = {**labelled, "visible": labelled["annotated"]}
    some = {key: value[new] for key, value in labelled.items()}
    for recover in RECOVERIES:
        sheet.update(module.recover(estimate, labelled, recover).joints_3d[new], some, recover)
    sheet.update_2d(estimate.joints_2d[new], some)


def _table(sheet: ScoreSheet, tracks: Tracks) -> dict[str, float]:
    if tracks.truth is None:
        return {}
    *in_mm, _ = (row.score for row in sheet.results("TASSN"))
    return {f"epe_mm/{score.recover}/{score.alignment}": score.epe_mean for score in in_mm}
