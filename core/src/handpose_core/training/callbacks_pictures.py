"""Predictions drawn over the truth, and the PCK curve: files from ``test``, W&B images while training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import WandbLogger
from rich.console import Console
from torch import Tensor
from torch.utils.data import DataLoader

from handpose_core.datasets.sample import Sample, collate, labelled
from handpose_core.hand import WRIST
from handpose_core.training.callbacks_results import as_method
from handpose_core.training.module import HandPoseModule, describe_data
from handpose_core.training.prediction import Estimate, Prediction, Recover
from handpose_core.training.results import Result, scored_in_3d
from handpose_core.viz import Curve, contact_sheet, overlay, plot_hand_3d, plot_pck, with_caption, write_image

RECOVER: Recover = "true_root_and_scale"
ALIGNMENT = "root"
"""Pictures and curves show this recovery, root-aligned."""


class Chosen(NamedTuple):
    """A picture to draw."""

    position: int
    """In the order in which the loader gives the samples, clips frame by frame."""
    name: str


class Pictures(Callback):
    """Draws hands on the image and in 3D from two sides, contact sheets, and PCK curves.

    ``test`` writes ``pictures/{sheet,best,median,worst,pck}.png`` beside the run and sends them to W&B.
    Best, median and worst go by the root-aligned EPE over annotated joints. Where samples have no 3D joints, they go by
    the EPE in px, and 3D views and curves are left out. While training, W&B gets a sheet
    of validation samples every few epochs. With several processes the main one draws from its own share.

    Args:
        samples: how many evenly spread samples a sheet holds.
        every_n_epochs: how often validation is drawn; 0 for never.
    """

    def __init__(self, samples: int = 9, every_n_epochs: int = 5) -> None:
        self.samples, self.every_n_epochs = samples, every_n_epochs
        self._errors: list[float] = []
        self._in_sample = 1

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Send a sheet of validation samples to W&B."""
        due = self.every_n_epochs > 0 and (trainer.current_epoch + 1) % self.every_n_epochs == 0
        if trainer.sanity_checking or not due or not trainer.is_global_zero or not wandb_loggers(trainer):
            return
        loader = only_loader(trainer.val_dataloaders)
        chosen = spread(len(list(loader.sampler)), self.samples)
        tiles = [_draw(trainer, as_method(pl_module), loader, sample) for sample in chosen]
        log_picture(trainer, "val/sheet", _sheet(tiles))

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget an earlier test."""
        self._errors = []

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Sample,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Note every sample's error, to find the best, the median and the worst."""
        if trainer.is_global_zero:
            module = as_method(pl_module)
            estimate, frames = _estimate(trainer, module, batch), module.frames(batch)
            self._errors += _errors(estimate, frames)[0].tolist()
            self._in_sample = len(frames["image"]) // len(batch["image"])

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write all pictures, and say where they are."""
        folder = Path(trainer.log_dir or trainer.default_root_dir) / "pictures"  # a broadcast: every process must ask
        if not trainer.is_global_zero:
            return
        module, loader = as_method(pl_module), only_loader(trainer.test_dataloaders)
        in_sample = self._in_sample
        ranked = {frame.name: _draw(trainer, module, loader, frame, in_sample) for frame in extremes(self._errors)}
        chosen = spread(len(self._errors), self.samples)
        evenly = [_draw(trainer, module, loader, frame, in_sample) for frame in chosen]
        pictures = {
            "sheet": _sheet([*ranked.values(), *evenly]),
            **ranked,
        }
        if scored_in_3d(module.results):
            pictures["pck"] = draw_curves(module.results, describe_data(trainer))
        for name, picture in pictures.items():
            write_image(folder / f"{name}.png", picture)
            log_picture(trainer, f"test/{name}", picture)
        Console().print(f"pictures: {folder} ({', '.join(pictures)})", soft_wrap=True, highlight=False, markup=False)


def root_aligned_epe(joints_3d: Float[Tensor, "batch 21 3"], batch: Sample) -> Float[Tensor, "batch"]:
    """Each sample's mean error (mm) over annotated joints, the wrists laid on each other."""
    return _mean_error(_rooted(joints_3d) - _rooted(batch["joints_3d"]), batch)


def pixel_epe(joints_2d: Float[Tensor, "batch 21 2"], batch: Sample) -> Float[Tensor, "batch"]:
    """Each sample's mean error (px) over annotated joints."""
    return _mean_error(joints_2d - batch["joints_2d"], batch)


def _mean_error(away: Float[Tensor, "batch 21 axes"], batch: Sample) -> Float[Tensor, "batch"]:
    counted = batch["annotated"]
    return torch.where(counted, away.norm(dim=-1), 0).sum(dim=1) / counted.sum(dim=1)


def extremes(errors: Sequence[float]) -> list[Chosen]:
    """The samples with the least, the median and the greatest error; NaN counts as the greatest."""
    order = np.argsort(np.asarray(errors), kind="stable")
    places = {"best": 0, "median": len(order) // 2, "worst": len(order) - 1}
    return [Chosen(int(order[place]), name) for name, place in places.items()]


def spread(count: int, wanted: int) -> list[Chosen]:
    """Up to ``wanted`` of ``count`` samples, evenly spread."""
    positions = np.unique(np.linspace(0, count - 1, min(wanted, count)).round().astype(int))
    return [Chosen(int(position), "sample") for position in positions]


def draw_curves(rows: Sequence[Result], data: dict[str, str]) -> UInt8[ndarray, "h w 3"]:
    """The aligned PCK curve of the network and of each baseline, with what each was told; the conventions above."""
    aligned = [row for row in rows if row.score.unit == "mm" and row.score.alignment == ALIGNMENT]
    shown = {row.name: row for row in reversed(aligned)}  # of several recoveries the first stays, RECOVER
    curves = [
        Curve(f"{name}, {row.score.recover}", row.score.thresholds, row.score.pck, row.score.auc_0_50)
        for name, row in reversed(shown.items())
    ]
    score = aligned[0].score
    where = f"{data['dataset']}, " if "dataset" in data else ""
    return plot_pck(
        curves,
        f"{where}{score.n_samples} samples\nprotocol {score.protocol}, alignment {score.alignment} ({score.root})",
    )


def read_again(trainer: Trainer, loader: DataLoader[Sample], position: int) -> Sample:
    """A batch of one sample, by its position in the loader's dataset, on the trainer's device."""
    batch: Sample = trainer.strategy.batch_to_device(collate([loader.dataset[position]]))
    return batch


def _draw(
    trainer: Trainer, module: HandPoseModule, loader: DataLoader[Sample], chosen: Chosen, in_sample: int = 1
) -> UInt8[ndarray, "h w 3"]:
    """A sample read again: its prediction over its truth, and both in 3D with the wrists laid on each other.

    Args:
        trainer: whose run it is.
        module: the method.
        loader: of the samples.
        chosen: which picture.
        in_sample: how many a sample has: a clip's frames.
    """
    place, frame = divmod(chosen.position, in_sample)
    position = list(loader.sampler)[place]
    batch = read_again(trainer, loader, position)
    prediction, frames = _estimate(trainer, module, batch), module.frames(batch)
    errors, unit = _errors(prediction, frames)
    image = (frames["image"][frame].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().cpu().numpy()
    flat = overlay(image, _array(prediction.joints_2d[frame]), _array(frames["joints_2d"][frame]))
    panels = [flat]
    if isinstance(prediction, Prediction):
        found, truth = (_array(_rooted(joints)[frame]) for joints in (prediction.joints_3d, frames["joints_3d"]))
        panels.append(plot_hand_3d(found, truth, flat.shape[0]))
    which = f"no. {position}" if in_sample == 1 else f"no. {position}, frame {frame}"
    caption = f"{chosen.name}: {which}, EPE {float(errors[frame]):.1f} {unit}"
    return with_caption(np.concatenate(panels, axis=1), caption)


def _estimate(trainer: Trainer, module: HandPoseModule, batch: Sample) -> Estimate:
    """In mm, too, where the truth has them."""
    with trainer.precision_plugin.forward_context():  # as in the test step, so that captions and table agree
        if labelled(batch, "joints_3d").all():
            return module.estimate(batch, RECOVER)
        return module.decode(module(*module.inputs(batch)), batch["image"].shape[-1])


def _errors(estimate: Estimate, frames: Sample) -> tuple[Float[Tensor, "batch"], str]:
    """Each sample's mean error, and its unit: mm where there is a truth in mm."""
    if isinstance(estimate, Prediction):
        return root_aligned_epe(estimate.joints_3d, frames), "mm"
    return pixel_epe(estimate.joints_2d, frames), "px"


def _sheet(tiles: Sequence[UInt8[ndarray, "_ _ 3"]]) -> UInt8[ndarray, "h w 3"]:
    legend = f"prediction in colours; truth white on the image, dashed in 3D; {ALIGNMENT}-aligned, recover {RECOVER}"
    return with_caption(contact_sheet(tiles, columns=2), legend)


def _rooted(joints: Float[Tensor, "batch 21 3"]) -> Float[Tensor, "batch 21 3"]:
    return joints - joints[:, WRIST, None]


def _array(tensor: Tensor) -> ndarray:
    array: ndarray = tensor.float().cpu().numpy()
    return array


def only_loader(loader: Any) -> DataLoader[Sample]:
    """The one loader of a stage; the suite's datamodules never give several."""
    if not isinstance(loader, DataLoader):
        raise TypeError(f"one DataLoader can be drawn from, not {type(loader).__name__}")
    return loader


def wandb_loggers(trainer: Trainer) -> list[WandbLogger]:
    """The trainer's loggers that take pictures."""
    return [logger for logger in trainer.loggers if isinstance(logger, WandbLogger)]


def log_picture(trainer: Trainer, key: str, picture: UInt8[ndarray, "h w 3"]) -> None:
    """Send a picture to W&B, if that is among the loggers."""
    for logger in wandb_loggers(trainer):
        logger.log_image(key, [picture])
