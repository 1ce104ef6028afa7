"""Poses and meshes of a whole video, in pixels of its frames and in millimetres."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

from handpose_core.camera import back_project, solve_root_depth, transform_pixels
from handpose_core.datasets.sample import Sample
from handpose_core.geometry.handedness import mirror_pixels, mirror_points
from handpose_core.render import EdgeSilhouette
from handpose_core.training.prediction import RECOVERIES, Estimate
from handpose_core.training.results import ScoreSheet
from handpose_tassn.adapt.crops import TO_CROP, VideoClips
from handpose_tassn.adapt.tracks import Tracks
from handpose_tassn.clips import as_frames, pixels
from handpose_tassn.masks import MASK_USED
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
        figures: of the frames that are scored, see `estimate_video`.
    """

    joints_2d: Float[ndarray, "frames 21 2"]
    joints_3d: Float[ndarray, "frames 21 3"]
    z_rel: Float[ndarray, "frames 21"]
    scores: Float[ndarray, "frames 21"]
    vertices: Float[ndarray, "frames v 3"]
    vertices_2d: Float[ndarray, "frames v 2"]
    figures: dict[str, float]


def mirrored_back(estimate: VideoEstimate, width: int) -> VideoEstimate:
    """Return the estimate of a video that was shown mirrored, in the video as it is.

    Args:
        estimate: Of a `MirroredVideo`.
        width: Of the frames, px.

    Returns:
        The same with joints and meshes mirrored; figures do not change.
    """
    return replace(
        estimate,
        joints_2d=mirror_pixels(estimate.joints_2d, width),
        joints_3d=mirror_points(estimate.joints_3d),
        vertices=mirror_points(estimate.vertices),
        vertices_2d=mirror_pixels(estimate.vertices_2d, width),
    )


@torch.no_grad()
def estimate_video(module: TASSNModule, clips: VideoClips, tracks: Tracks, scored: range) -> VideoEstimate:
    """Every frame's pose and mesh, each clip read forward.

    Its figures are ``epe_px`` (px of the frame) to the known 2D joints; ``mesh_iou``, of the mesh's silhouette and the
    mask; ``past_px`` (of the crop) and ``past_depth``, see `TASSNModule.moved_by_past`; and where 3D joints are known
    ``epe_mm/<recovery>/<alignment>``.

    Args:
        module: the model.
        clips: that hold all frames, with masks.
        tracks: the known joints.
        scored: frames that figures are of.
    """
    module.eval()
    rows: dict[int, dict[str, ndarray]] = {}
    sheet, silhouettes = ScoreSheet(RECOVERIES, ALIGNMENTS), EdgeSilhouette()
    for number in range(len(clips)):
        clip = clips[number]
        batch = {key: value[None] for key, value in clip.items()}
        frames = as_frames(batch)
        output = module(*module.inputs(batch))
        estimate = module.decode(output, batch["image"].shape[-1])
        iou = _overlap(silhouettes, output, module.network.faces, frames["mask"])
        past_px, past_depth = module.moved_by_past(output, batch)
        numbers = frames["index"].tolist()
        found = _in_frame(module, output, estimate, frames)
        found |= {
            "mesh_iou": torch.where(frames[MASK_USED], iou, torch.nan),
            "past_px": past_px,
            "past_depth": past_depth,
        }
        new = [place for place, number in enumerate(numbers) if number not in rows]
        for place in new:
            rows[numbers[place]] = {key: value[place].cpu().numpy() for key, value in found.items()}
        some = [place for place in new if numbers[place] in scored]
        if tracks.truth is not None and some:
            truth = torch.from_numpy(tracks.truth[numbers])
            _score(sheet, module, estimate, {**frames, "joints_3d": truth}, some)
    arrays = {key: np.stack([rows[frame][key] for frame in sorted(rows)]) for key in found}
    means = {name: arrays.pop(name)[scored.start : scored.stop] for name in ("mesh_iou", "past_px", "past_depth")}
    distances = np.linalg.norm(arrays["joints_2d"] - tracks.joints_2d, axis=-1)[scored.start : scored.stop]
    epe_px = distances[tracks.annotated[scored.start : scored.stop]].mean()
    figures = {"epe_px": float(epe_px), **{name: float(np.nanmean(values)) for name, values in means.items()}}
    return VideoEstimate(**arrays, figures=figures | _table(sheet, tracks))


def _overlap(
    silhouettes: EdgeSilhouette, output: ClipOutput, faces: Int[Tensor, "f 3"], masks: Bool[Tensor, "frames 1 s s"]
) -> Float[Tensor, " frames"]:
    """Intersection over union of the meshes' silhouettes and masks."""
    meshes, side = output.vertices.flatten(0, 1).float(), masks.shape[-1]
    drawn = torch.cat([pixels(meshes[..., :2], side), meshes[..., 2:]], dim=-1)
    covered = silhouettes.draw(drawn, faces, (side, side)) > 0.5
    both, either = (covered & masks).flatten(1).sum(1), (covered | masks).flatten(1).sum(1)
    return both / either.clamp_min(1)


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
