"""Generated multi-view hands for training and testing; see `handpose_core.datasets.mvhm`."""

from collections.abc import Sequence
from pathlib import Path

from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.base import HandDataModule, Part
from handpose_core.datamodules.depth_maps import DepthMapSource
from handpose_core.datasets.mvhm import MVHM
from handpose_core.datasets.mvhm_layout import Split
from handpose_core.datasets.selection import Missing
from handpose_core.datasets.video import Clips, Grouping, VideoSource, Views, grouped
from handpose_core.errors import HandposeError


class MVHMDataModule(HandDataModule):
    """What ``handpose mvhm generate`` made, with its own splits, which share no pose.

    Args:
        root: The folder that it made.
        batch_size: Samples in a batch, in each process.
        num_workers: Loader processes; 0 loads in the training process.
        image_size: Side of the square crops, px.
        crop_scale: The crop's side over the joints' extent.
        group: ``images`` (each view for itself), ``views`` (all views of a hand together) or ``clips`` (a motion as
            a view shows it, whole), for hands that were made with ``--frames``.
        views: Which views of each hand, from 0; None for all.
        vertices: Whether samples have ``vertices``.
        missing: ``error``, or ``skip`` to read the shards that are there and record the others' number.
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
        group: Grouping = "images",
        views: Sequence[int] | None = None,
        vertices: bool = False,
        missing: Missing = "error",
        augmentation: Augmentation | None = None,
        depth_maps: DepthMapSource | None = None,
        right_handed: bool | None = None,
    ) -> None:
        super().__init__(
            batch_size,
            num_workers,
            image_size,
            crop_scale,
            augmentation=augmentation,
            depth_maps=depth_maps,
            right_handed=right_handed,
        )
        self.root, self.group, self.views = Path(root), group, None if views is None else tuple(views)
        self.vertices, self.missing = vertices, missing

    def training_source(self) -> VideoSource | Views | Clips:
        """The training split, un-cropped."""
        return self._split("train")

    def evaluation_source(self) -> VideoSource | Views | Clips:
        """The test split, un-cropped."""
        return self._split("test")

    def training_and_validation(self) -> tuple[Part, Part]:
        """The two splits as they were made, whole."""
        train, val = self.training_source(), self._split("val")
        return (train, range(len(train))), (val, range(len(val)))

    def _split(self, split: Split) -> VideoSource | Views | Clips:
        images = MVHM(self.root, split, self.views, self.vertices, self.missing)
        if self.group == "clips" and images.manifest.frames == 1:
            raise HandposeError(
                f"data, {self.root}, group", "clips, of single moments", "images or views, or hands that move",
                "Generate hands that move: handpose mvhm generate OUT --poses sampled --frames 4 ...",
            )  # fmt: skip
        return grouped(images, self.group, images.manifest.frames, None)
