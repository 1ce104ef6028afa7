"""An adaptation from beginning to end."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch.optim import Adam
from torch.utils.data import DataLoader

from handpose_core import atomic
from handpose_core.datasets.sample import collate
from handpose_core.errors import HandposeError
from handpose_tassn.adapt.crops import VideoClips, covering, learnable
from handpose_tassn.adapt.estimates import VideoEstimate, estimate_video
from handpose_tassn.adapt.outputs import write_meshes, write_overlay, write_poses
from handpose_tassn.adapt.tracks import TrackedVideo
from handpose_tassn.masks import MaskedSamples
from handpose_tassn.module import TASSNModule
from handpose_tassn.objectives import EndToEnd
from handpose_tassn.terms import BoneConstancy, Heatmaps, MeshConsistency, Plausibility, PoseConsistency, Projection

OBJECTIVE = EndToEnd(
    heatmaps=Heatmaps(weight=20.0, sigma=1.5),
    pose=PoseConsistency(weight=10.0),
    mesh=MeshConsistency(weight=10.0),
    bones=BoneConstancy(weight=1.0),
    limits=Plausibility(weight=0.1),
    projection=Projection(weight=10.0),
)
"""Of an adaptation: (4.6), and the terms beyond it."""


@dataclass(frozen=True)
class Plan:
    """How to adapt.

    Attributes:
        out: folder of the results.
        epochs: through the video's clips.
        rate: the learning rate.
        clip_length: frames of a clip.
        batch_size: clips of a step.
        image_size: side of the crops, px; None for what the networks are made for.
        learn_from: frames that are learnt from, first and one past the last; None for all.
        score: frames to score where true 3D joints are known, likewise; None for all.
        glb_every: of so many frames a .glb is written; 0 for none.
        rate_of_frames: of the overlay video, frames a second.
        workers: processes that cut silhouettes.
        seed: of everything random.
    """

    out: Path
    epochs: int = 20
    rate: float = 3e-4
    clip_length: int = 4
    batch_size: int = 8
    image_size: int | None = None
    learn_from: tuple[int, int] | None = None
    score: tuple[int, int] | None = None
    glb_every: int = 10
    rate_of_frames: float = 25.0
    workers: int = 1
    seed: int = 0


def adapt(module: TASSNModule, video: TrackedVideo, plan: Plan) -> dict[str, Any]:
    """Adapt a model to a video, and write what it then says of it; the report, which is written, too.

    Args:
        module: trained elsewhere; it is changed.
        video: with 2D joints.
        plan: how.

    Raises:
        HandposeError: fewer frames than a clip has, frames that there are not, or none to learn from.
    """
    pl.seed_everything(plan.seed, verbose=False)
    plan = replace(plan, image_size=plan.image_size or module.image_size)
    learn_from, score = (_frames(video, chosen, plan) for chosen in (plan.learn_from, plan.score))
    masked = MaskedSamples(video, plan.out / "masks")
    for _ in masked.make(plan.workers):
        pass
    starts = learnable(video.tracks, learn_from, plan.clip_length)
    clips = _clips(masked, video, starts, plan)
    scored = _clips(video, video, [score.start + at for at in covering(len(score), plan.clip_length)], plan)
    before = estimate_video(module, scored, video.tracks)
    losses = _train(module, clips, masked, plan)
    after = estimate_video(module, scored, video.tracks)
    whole = estimate_video(module, _clips(video, video, covering(len(video), plan.clip_length), plan), video.tracks)
    _write(module, video, whole, plan)
    report = {
        "data": masked.describe(),
        "masks": asdict(masked.counts()),
        "adapted_on": f"frames {learn_from.start} to {learn_from.stop - 1}: {len(starts)} clips of {plan.clip_length}",
        "scored_on": f"frames {score.start} to {score.stop - 1}",
        "losses": losses,
        "before": _figures(before, video, score),
        "after": _figures(after, video, score),
        "trained_on": module.history,
    }
    atomic.write_text(plan.out / "report.json", json.dumps(report, indent=2) + "\n")
    return report


def _frames(video: TrackedVideo, chosen: tuple[int, int] | None, plan: Plan) -> range:
    frames = range(len(video)) if chosen is None else range(*chosen)
    if frames.start < 0 or frames.stop > len(video) or len(frames) < plan.clip_length:
        raise HandposeError(
            f"{video.root}, frames", f"{frames.start} to {frames.stop - 1} of {len(video)}",
            f"{plan.clip_length} or more that are there", "Choose other frames, or a shorter --clip-length.",
        )  # fmt: skip
    return frames


def _clips(frames: Any, video: TrackedVideo, starts: list[int], plan: Plan) -> VideoClips:
    return VideoClips(frames, video.tracks, starts, plan.clip_length, plan.image_size or 0)


def _train(module: TASSNModule, clips: VideoClips, masked: MaskedSamples, plan: Plan) -> dict[str, float]:
    """Fine-tune; the last losses by name."""
    module.retrain(OBJECTIVE, lambda parameters: Adam(parameters, lr=plan.rate))
    if not masked.counts().used:
        raise HandposeError(
            f"{masked.source.where(0)}, silhouettes", "no mask that can be trusted", "some",
            "Look at the masks, and at the 2D joints that they are cut around.",
        )  # fmt: skip
    loader = DataLoader(clips, plan.batch_size, shuffle=True, collate_fn=collate)
    trainer = pl.Trainer(
        max_epochs=plan.epochs, logger=False, enable_checkpointing=False, enable_model_summary=False,
        gradient_clip_val=1.0, default_root_dir=plan.out, log_every_n_steps=1, accelerator="auto", devices=1,
    )  # fmt: skip
    trainer.fit(module, loader)
    module.history[-1] |= masked.describe()
    temporary = plan.out / ".adapted.ckpt"
    trainer.save_checkpoint(temporary, weights_only=True)
    temporary.replace(plan.out / "adapted.ckpt")
    module.cpu()
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def _write(module: TASSNModule, video: TrackedVideo, whole: VideoEstimate, plan: Plan) -> None:
    faces = module.network.faces.numpy()
    write_poses(plan.out, whole)
    write_meshes(plan.out, whole, faces, plan.glb_every)
    write_overlay(plan.out / "overlay.mp4", video, whole, faces, plan.rate_of_frames)


def _figures(estimate: VideoEstimate, video: TrackedVideo, frames: range) -> dict[str, float]:
    distances = torch.from_numpy(estimate.joints_2d - video.tracks.joints_2d[frames.start : frames.stop]).norm(dim=-1)
    known = torch.from_numpy(video.tracks.annotated[frames.start : frames.stop])
    return {"epe_px": float(distances[known].mean()), **estimate.table}
