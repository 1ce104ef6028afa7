"""Generated against true depth maps (figures 3.7 and 3.8 of the thesis): files from ``test``, W&B while training."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from handpose_core.datasets.sample import Sample, labelled
from handpose_core.training.callbacks_pictures import log_picture, only_loader, read_again, spread, wandb_loggers
from handpose_core.viz import contact_sheet, with_caption, write_image
from handpose_dggan.depth import true_depth
from handpose_dggan.objectives import Networks, regularised

_SIDE = 128
_LEGEND = "depth after (3.6): near dark, far and background white"


class DepthPictures(Callback):
    """Draws images with their true depth, the generator's, and the regulariser's of the estimated joints.

    ``test`` writes ``pictures/depth.png`` beside the run. What the module or the data lacks is left out.

    Args:
        samples: how many evenly spread samples a picture holds.
        every_n_epochs: how often validation is drawn for W&B; 0 for never.
    """

    def __init__(self, samples: int = 8, every_n_epochs: int = 2) -> None:
        self.samples, self.every_n_epochs = samples, every_n_epochs

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Send validation samples to W&B."""
        due = self.every_n_epochs > 0 and (trainer.current_epoch + 1) % self.every_n_epochs == 0
        if trainer.sanity_checking or not due or not trainer.is_global_zero or not wandb_loggers(trainer):
            return
        log_picture(trainer, "val/depth", self._sheet(trainer, pl_module, trainer.val_dataloaders))

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the picture."""
        folder = Path(trainer.log_dir or trainer.default_root_dir) / "pictures"  # a broadcast: every process must ask
        if not trainer.is_global_zero:
            return
        sheet = self._sheet(trainer, pl_module, trainer.test_dataloaders)
        write_image(folder / "depth.png", sheet)
        log_picture(trainer, "test/depth", sheet)

    def _sheet(self, trainer: Trainer, module: Any, loaders: Any) -> UInt8[ndarray, "h w 3"]:
        loader = only_loader(loaders)
        positions = list(loader.sampler)
        tiles = []
        for chosen in spread(len(positions), self.samples):
            batch = read_again(trainer, loader, positions[chosen.position])
            with torch.no_grad(), trainer.precision_plugin.forward_context():
                tiles.append(draw_depth(module, batch))
        return with_caption(contact_sheet(tiles, columns=2), _LEGEND)


def draw_depth(module: Networks, batch: Sample) -> UInt8[ndarray, "h w 3"]:
    """The first image of a batch and its depth maps, side by side; without those of networks that never learnt."""
    image = (batch["image"][0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().cpu().numpy()
    panels = {"RGB": cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)}
    generated = module.generator(batch["image"][:1]) if module.generator and module.has_learnt("generator") else None
    drawn = regularised(module, batch) if module.regulariser and module.has_learnt("regulariser") else None
    shown = next((maps for maps in (generated, drawn) if maps is not None), None)
    if labelled(batch, "depth").all() and shown is not None:
        panels["true"] = _grey(true_depth(batch, shown.shape[-1]).maps)
    if generated is not None:
        panels["generated"] = _grey(generated)
    if drawn is not None:
        panels["regulariser"] = _grey(drawn)
    return np.concatenate([with_caption(panel.astype(np.uint8), title) for title, panel in panels.items()], axis=1)


def _grey(maps: Float[Tensor, "batch 1 size size"]) -> UInt8[ndarray, "h w 3"]:
    pixels = (maps[0, 0].float().clamp(0, 1) * 255).round().byte().cpu().numpy()
    large = cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_NEAREST)
    return np.repeat(large[..., None], 3, axis=-1).astype(np.uint8)
