"""Real images, their condition maps and the images made of them, side by side: files from ``fit`` and ``test``."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from handpose_core.training.callbacks_pictures import log_picture, only_loader, read_again, spread
from handpose_core.viz import contact_sheet, with_caption, write_image


class TranslationPictures(Callback):
    """Draws images, their maps, and what the generator makes of the maps: ``pictures/translation.png`` in the run.

    Args:
        samples: how many evenly spread samples a picture holds.
        every_n_epochs: how often validation is drawn; 0 for never.
    """

    def __init__(self, samples: int = 8, every_n_epochs: int = 1) -> None:
        self.samples, self.every_n_epochs = samples, every_n_epochs

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw validation samples; the last picture stays."""
        due = self.every_n_epochs > 0 and (trainer.current_epoch + 1) % self.every_n_epochs == 0
        if due and not trainer.sanity_checking:
            self._draw(trainer, pl_module, trainer.val_dataloaders, "val/translation")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw test samples."""
        self._draw(trainer, pl_module, trainer.test_dataloaders, "test/translation")

    def _draw(self, trainer: Trainer, module: Any, loaders: Any, key: str) -> None:
        folder = Path(trainer.log_dir or trainer.default_root_dir) / "pictures"  # a broadcast: every process must ask
        if not trainer.is_global_zero:
            return
        loader = only_loader(loaders)
        positions = list(loader.sampler)
        tiles = []
        for chosen in spread(len(positions), self.samples):
            image = read_again(trainer, loader, positions[chosen.position])["image"]
            with torch.no_grad(), trainer.precision_plugin.forward_context():
                tiles.append(draw_translation(module, image))
        sheet = contact_sheet(tiles, columns=2)
        write_image(folder / "translation.png", sheet)
        log_picture(trainer, key, sheet)


def draw_translation(module: Any, image: Float[Tensor, "1 3 h w"]) -> UInt8[ndarray, "H W 3"]:
    """An image, its colour map, its shape map and the image made of it."""
    maps = module.maps(image)
    panels = {"image": image, "colour map": maps.colour, "shape map": maps.shape, "made": module(image)}
    return np.concatenate([with_caption(_pixels(panel), title) for title, panel in panels.items()], axis=1)


def _pixels(image: Float[Tensor, "1 c h w"]) -> UInt8[ndarray, "h w 3"]:
    pixels = (image[0].float().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).expand(-1, -1, 3)
    return np.ascontiguousarray(pixels.cpu().numpy())
