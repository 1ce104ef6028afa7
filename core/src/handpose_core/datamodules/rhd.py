"""RHD for training and testing; see `handpose_core.datasets.rhd`."""

from pathlib import Path

from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.base import HandDataModule
from handpose_core.datamodules.depth_maps import DepthMapSource
from handpose_core.datasets.rhd import RHD, HandRule
from handpose_core.datasets.rhd_layout import SPLITS, Split
from handpose_core.datasets.selection import Missing
from handpose_core.errors import HandposeError


class RHDDataModule(HandDataModule):
    """RHD, or synthetic data in its layout.

    Args:
        root: The folder that holds ``training/`` and ``evaluation/``; a stage needs only its own of the two.
        batch_size: Samples in a batch, in each process.
        num_workers: Loader processes; 0 loads in the training process.
        image_size: Side of the square crops, px.
        crop_scale: The crop's side over the joints' extent.
        hand_rule: Which hand is a frame's: ``mask_area`` (hand3d's) or ``visible_joints``.
        missing: ``error``, or ``skip`` to read the frames whose images are there and record the others' number.
        exclude: Frame numbers to leave out on purpose, for each split.
        val_fraction: Part of the training split that is held out for validation.
        augmentation: How to vary training samples; None leaves them as labelled.
        depth_maps: What training samples meet as ``unpaired_depth``; None leaves it out.
        right_handed: Whether left hands are shown mirrored, as right ones; None does as the module asks.
    """

    def __init__(
        self,
        root: str,
        batch_size: int = 8,
        num_workers: int = 0,
        image_size: int = 256,
        crop_scale: float = 1.5,
        hand_rule: HandRule = "mask_area",
        missing: Missing = "error",
        exclude: dict[Split, list[int]] | None = None,
        val_fraction: float = 0.05,
        augmentation: Augmentation | None = None,
        depth_maps: DepthMapSource | None = None,
        right_handed: bool | None = None,
    ) -> None:
        super().__init__(
            batch_size,
            num_workers,
            image_size,
            crop_scale,
            val_fraction,
            augmentation,
            depth_maps,
            right_handed=right_handed,
        )
        self.root, self.hand_rule, self.missing = Path(root), hand_rule, missing
        self.exclude = exclude or {}
        if unknown := sorted(self.exclude.keys() - set(SPLITS)):
            raise HandposeError("data, exclude", f"split {unknown[0]!r}", f"one of {', '.join(SPLITS)}", "Correct it.")

    def training_source(self) -> RHD:
        """The training split, un-cropped."""
        return self._split("training")

    def evaluation_source(self) -> RHD:
        """The evaluation split, un-cropped."""
        return self._split("evaluation")

    def _split(self, split: Split) -> RHD:
        return RHD(self.root, split, self.hand_rule, self.missing, self.exclude.get(split, ()))
