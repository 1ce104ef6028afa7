"""Any folder of images or video for training and testing; see `handpose_core.datasets.folder`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.base import HandDataModule, Part
from handpose_core.datamodules.depth_maps import DepthMapSource
from handpose_core.datamodules.splits import split_tail
from handpose_core.datasets.folder import Folder, SideName
from handpose_core.datasets.selection import Missing
from handpose_core.datasets.video import Clips, VideoSource, Views, grouped
from handpose_core.datasets.world import joined, world_of


class FolderDataModule(HandDataModule):
    """A folder of images or a video, with labels or without.

    Args:
        root: A folder with images in it or in its ``images/``, or a video file.
        test_root: What to test and predict on; None takes ``root`` whole, so train on something else then.
        batch_size: Samples in a batch, in each process.
        num_workers: Loader processes; 0 loads in the training process.
        image_size: Side of the square crops, px.
        crop_scale: The crop's side over the joints' extent; without joints the crop is the whole image, squared.
        labels: ``auto`` (``labels.npz`` in the folder, where there is one), ``none``, or a file's name in the folder.
        order: The order of the labels' joints, for example ``rhd``.
        side: Which hand it is, where the labels do not say.
        group: ``images`` or ``clips`` (consecutive ones).
        clip_length: Images in a clip.
        clip_step: Images from the start of a clip to the next one's; None leaves no overlap.
        missing: ``error``, or ``skip`` to read the images that are there and record the others' number.
        exclude: Pictures to leave out on purpose, by file name, or by number in a video.
        val_fraction: Part that is held out for validation: the last one, because neighbours in a video are alike.
        augmentation: How to vary training samples; None leaves them as labelled.
        depth_maps: What training samples meet as ``unpaired_depth``; None leaves it out.
        right_handed: Whether left hands are shown mirrored, as right ones; None does as the module asks.
    """

    def __init__(
        self,
        root: str,
        test_root: str | None = None,
        batch_size: int = 8,
        num_workers: int = 0,
        image_size: int = 256,
        crop_scale: float = 1.5,
        labels: str = "auto",
        order: str = "canonical",
        side: SideName | None = None,
        group: Literal["images", "clips"] = "images",
        clip_length: int = 4,
        clip_step: int | None = None,
        missing: Missing = "error",
        exclude: Sequence[str] = (),
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
        self.root, self.test_root = Path(root), Path(test_root or root)
        self.labels, self.order, self.side = labels, order, side
        self.group, self.clip_length, self.clip_step = group, clip_length, clip_step
        self.missing, self.exclude = missing, tuple(exclude)

    def training_source(self) -> VideoSource | Views | Clips:
        """The pictures to train on, un-cropped."""
        return self._pictures(self.root)

    def evaluation_source(self) -> VideoSource | Views | Clips:
        """The pictures to test on, un-cropped."""
        return self._pictures(self.test_root)

    def training_and_validation(self) -> tuple[Part, Part]:
        """The training pictures without and with only the last ones; a clip that would be in both is in neither."""
        source = self.training_source()
        rows = source.rows if isinstance(source, Clips) else np.arange(len(source))[:, None]
        kept, held_out = split_tail(rows, self.val_fraction)
        return (source, kept), (source, held_out)

    def world(self) -> str:
        """See `HandDataModule.world`: those of both folders."""
        return joined([super().world(), world_of(self.test_root)])

    def describe(self) -> dict[str, str]:
        """The choices that results depend on, of the stage set up last."""
        choices = super().describe()
        shown = "the largest square inside the image" if "held_out" in choices else "the whole image, squared"
        crop = {"crop": f"{shown}, resized to {self.image_size} px"}
        return choices | crop if choices.get("labels") == "none" else choices

    def _pictures(self, root: Path) -> VideoSource | Views | Clips:
        pictures = Folder(root, self.labels, self.order, self.side, self.missing, self.exclude)
        return grouped(pictures, self.group, self.clip_length, self.clip_step)
