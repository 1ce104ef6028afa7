"""An adaptation from beginning to end."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import pytorch_lightning as pl
from jaxtyping import Int64
from numpy import ndarray
from torch.optim import Adam
from torch.utils.data import DataLoader

from handpose_core.cli.progress import counting
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.mvhm import MVHMDataModule
from handpose_core.datasets.sample import collate
from handpose_core.errors import HandposeError
from handpose_core.geometry.handedness import HANDS_KEY, MIRRORED_HANDS
from handpose_core.hand import Side
from handpose_core.io.checkpoint_io import StagedCheckpointIO
from handpose_core.io.commit import code_record
from handpose_core.io.outputs import OutputFolder
from handpose_core.training.checkpoints import framing_of
from handpose_core.training.right_hands import shown_as_right
from handpose_tassn.adapt.crops import VideoClips, covering, learnable
from handpose_tassn.adapt.estimates import VideoEstimate, estimate_video, mirrored_back
from handpose_tassn.adapt.loss_means import LossMeans, Means
from handpose_tassn.adapt.outputs import write_meshes, write_overlay, write_poses
from handpose_tassn.adapt.tracks import MirroredVideo, TrackedVideo
from handpose_tassn.masks import MaskedSamples
from handpose_tassn.module import TASSNModule
from handpose_tassn.objectives import EndToEnd, MeshPretraining
from handpose_tassn.rehearsal import Rehearsal
from handpose_tassn.terms import (
    Heatmaps,
    MeshConsistency,
    OneHand,
    Plausibility,
    PoseConsistency,
    Projection,
    SilhouetteTerm,
)

Faces: TypeAlias = Int64[ndarray, "f 3"]
OBJECTIVE = EndToEnd(
    heatmaps=Heatmaps(weight=20.0, sigma=1.5),
    silhouette=SilhouetteTerm(weight=1.0, size=64, levels=2),
    pose=PoseConsistency(weight=10.0),
    mesh=MeshConsistency(weight=10.0),
    bones=OneHand(weight=1.0),
    limits=Plausibility(weight=0.1),
    projection=Projection(weight=10.0),
)
"""Of an adaptation: (4.6), and the terms beyond it."""
REHEARSED = MeshPretraining(heatmaps=Heatmaps(weight=20.0, sigma=1.5))
"""Of generated hands beside the video's clips."""
_REHEARSED_AT_ONCE = 16
LEFT_OUT = {"bones": 0.0, "limits": 0.0}
"""Terms that an adaptation has only by their weight: in a picture a bone is as long tilted towards the camera as away
from it, and with lengths to hold a weak model's fingers tilt either way. Measured on a real video: see the README."""


@dataclass(frozen=True)
class Plan:
    """How to adapt.

    Attributes:
        out: folder of the results.
        epochs: through the video's clips.
        rate: the learning rate.
        clip_length: frames of a clip.
        batch_size: clips of a step.
        image_size: side of the crops, px; None for that of the crops that the model was trained on.
        learn_from: frames that are learnt from, first and one past the last; None for all.
        score: frames to score where true 3D joints are known, likewise; None for all.
        glb_every: of so many frames a .glb is written; 0 for none.
        rate_of_frames: of the overlay video, frames a second.
        workers: processes that cut silhouettes.
        seed: of everything random.
        weights: of terms of the loss by name, in place of `OBJECTIVE`'s and `LEFT_OUT`'s; 0 leaves one out.
        rehearse: a folder of generated hands that are learnt from beside the video; None for none.
        side: which hand the video shows; a left one is shown mirrored to a model that was trained on right hands.
    """

    out: OutputFolder
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
    weights: Mapping[str, float] = field(default_factory=dict)
    rehearse: Path | None = None
    side: Side = Side.RIGHT


def adapt(module: TASSNModule, video: TrackedVideo, plan: Plan) -> dict[str, Any]:
    """Adapt a model to a video, and write what it then says of it; the report, which is written, too.

    Args:
        module: trained elsewhere; it is changed.
        video: with 2D joints.
        plan: how.

    Raises:
        HandposeError: fewer frames than a clip has, frames that there are not, or none to learn from.
    """
    objective = weighted(objective_of(module), {**LEFT_OUT, **plan.weights})
    pl.seed_everything(plan.seed, verbose=False)
    learn_from, score = (_frames(video, chosen, plan) for chosen in (plan.learn_from, plan.score))
    right_handed = shown_as_right(module.history)
    mirrors = plan.side == Side.LEFT and right_handed
    faces: Faces = module.network.faces.numpy()[:, :: -1 if mirrors else 1].copy()
    shown = MirroredVideo(video) if mirrors else video
    masked = MaskedSamples(shown, plan.out.folder / "masks")
    with counting() as progress:
        bar = progress.add_task("silhouettes", total=len(masked))
        for ready, _ in masked.make(plan.workers):
            progress.update(bar, completed=ready)
    size = plan.image_size or _image_size(module)
    starts = learnable(shown.tracks, learn_from, plan.clip_length)
    learning, whole = (
        VideoClips(masked, shown.tracks, firsts, plan.clip_length, size, folder=plan.out.folder)
        for firsts in (starts, covering(len(video), plan.clip_length))
    )
    before = _estimate(module, whole, shown, score, video.width)
    _overlay("overlay_before.mp4", faces, video, before, plan)
    module.retrain(objective, lambda parameters: Adam(parameters, lr=plan.rate))
    module.rehearsal = None if plan.rehearse is None else rehearsal(plan.rehearse, size)
    losses = _train(module, learning, masked, plan, {HANDS_KEY: MIRRORED_HANDS} if right_handed else {})
    after = _estimate(module, whole, shown, score, video.width)
    _write(faces, video, after, plan)
    report = {
        **code_record(),
        "data": masked.describe(),
        "masks": asdict(masked.counts()),
        "adapted_on": f"frames {learn_from.start} to {learn_from.stop - 1}: {len(starts)} clips of {plan.clip_length}",
        "scored_on": f"frames {score.start} to {score.stop - 1}",
        "losses": losses,
        "before": before.figures,
        "after": after.figures,
        "trained_on": module.history,
    }
    with plan.out.new("report.json") as path:
        path.write_bytes(f"{json.dumps(report, indent=2)}\n".encode())
    return report


def _estimate(
    module: TASSNModule, clips: VideoClips, shown: TrackedVideo | MirroredVideo, score: range, width: int
) -> VideoEstimate:
    """Estimate what is shown, and mirror it back where that is mirrored."""
    found = estimate_video(module, clips, shown.tracks, score)
    return mirrored_back(found, width) if isinstance(shown, MirroredVideo) else found


def objective_of(module: TASSNModule) -> EndToEnd:
    """Return the objective of a model's adaptation: `OBJECTIVE`, with the terms that the model was trained by.

    Args:
        module: Trained elsewhere; its heatmaps keep the width that they have learnt.

    Returns:
        The objective.
    """
    own = module.objective
    names = OBJECTIVE.terms() if isinstance(own, EndToEnd) else ("heatmaps",)
    found = {name: getattr(own, name, None) for name in names}
    return replace(OBJECTIVE, **{name: term for name, term in found.items() if term is not None})


def weighted(objective: EndToEnd, weights: Mapping[str, float]) -> EndToEnd:
    """The objective with other weights of some terms; 0 leaves one out.

    Raises:
        HandposeError: it has no such term.
    """
    terms = objective.terms()
    if unknown := weights.keys() - terms.keys():
        raise HandposeError("--weight", ", ".join(sorted(unknown)), f"some of {', '.join(terms)}", "Name these.")
    changed: dict[str, Any] = {name: replace(terms[name], weight=w) if w else None for name, w in weights.items()}
    return replace(objective, **changed)


def rehearsal(folder: Path, image_size: int) -> Rehearsal:
    """Generated hands to learn from beside a video, in crops of ``image_size`` px."""
    data = MVHMDataModule(
        str(folder), _REHEARSED_AT_ONCE, image_size=image_size, vertices=True, augmentation=Augmentation(rotation=45)
    )
    return Rehearsal(data, REHEARSED)


def _image_size(module: TASSNModule) -> int:
    framing = framing_of(module.history)
    return module.image_size if framing is None else framing[0]


def _frames(video: TrackedVideo, chosen: tuple[int, int] | None, plan: Plan) -> range:
    frames = range(len(video)) if chosen is None else range(*chosen)
    if frames.start < 0 or frames.stop > len(video) or len(frames) < plan.clip_length:
        raise HandposeError(
            f"{video.root}, frames", f"{frames.start} to {frames.stop - 1} of {len(video)}",
            f"{plan.clip_length} or more that are there", "Choose other frames, or a shorter --clip-length.",
        )  # fmt: skip
    return frames


def _train(
    module: TASSNModule, clips: VideoClips, masked: MaskedSamples, plan: Plan, hands: dict[str, str]
) -> dict[str, Means]:
    """Fine-tune; the mean losses of the first and last epoch, by name."""
    if not masked.counts().used:
        raise HandposeError(
            f"{masked.source.where(0)}, silhouettes", "no mask that can be trusted", "some",
            "Look at the masks, and at the 2D joints that they are cut around.",
        )  # fmt: skip
    loader = DataLoader(clips, plan.batch_size, shuffle=True, collate_fn=collate)
    means = LossMeans()
    trainer = pl.Trainer(
        max_epochs=plan.epochs, logger=False, enable_checkpointing=False, enable_model_summary=False,
        gradient_clip_val=1.0, default_root_dir=plan.out.folder, log_every_n_steps=1, accelerator="auto", devices=1,
        callbacks=[means], plugins=StagedCheckpointIO(),
    )  # fmt: skip
    module.train()  # it was measured in evaluation, in which Lightning would leave it
    trainer.fit(module, loader)
    module.history[-1] |= masked.describe() | hands
    with plan.out.new("adapted.ckpt") as path:
        trainer.save_checkpoint(path, weights_only=True)
    module.cpu()
    return {"first_epoch": means.epochs[0], "last_epoch": means.epochs[-1]}


def _write(faces: Faces, video: TrackedVideo, whole: VideoEstimate, plan: Plan) -> None:
    write_poses(plan.out, whole)
    write_meshes(plan.out, whole, faces, plan.glb_every)
    _overlay("overlay.mp4", faces, video, whole, plan)


def _overlay(name: str, faces: Faces, video: TrackedVideo, whole: VideoEstimate, plan: Plan) -> None:
    write_overlay(plan.out, name, video, whole, faces, plan.rate_of_frames)
