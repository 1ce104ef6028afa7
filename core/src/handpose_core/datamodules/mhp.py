"""MHP for training and testing; see `handpose_core.datasets.mhp`."""

from collections.abc import Sequence
from pathlib import Path

from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.base import HandDataModule, Part
from handpose_core.datamodules.depth_maps import DepthMapSource
from handpose_core.datamodules.splits import split_sequences
from handpose_core.datasets.mhp import MHP, Boxes, Labels, Lens
from handpose_core.datasets.mhp_layout import CAMERAS, SPLIT_SEQUENCES, VALIDATION_SEQUENCES, Split
from handpose_core.datasets.selection import Missing
from handpose_core.datasets.video import Clips, Grouping, VideoSource, Views, grouped
from handpose_core.datasets.wrist import DEFAULT_RULE, WristRule


class MHPDataModule(HandDataModule):
    """MHP, or synthetic data in its layout: trains on data_3 to data_19, validates on data_20 and 21, tests on 1 and 2.

    The thesis's author validates on the test sequences, data_1 and data_2, and trains on data_3 to data_21.

    Args:
        root: The folder that holds ``annotated_frames/`` and ``calibrations/``.
        batch_size: Samples in a batch, in each process.
        num_workers: Loader processes; 0 loads in the training process.
        image_size: Side of the square crops, px.
        crop_scale: The crop's side over the joints' extent, or the box's where ``boxes`` are published.
        group: ``images``, ``views`` (all cameras of a moment) or ``clips`` (consecutive frames of one camera).
        clip_length: Frames in a clip.
        clip_step: Frames from the start of a clip to the next one's; None leaves no overlap.
        cameras: Which webcams, 1 to 4.
        lens: ``undistorted`` images of a pinhole camera, or ``as_is``.
        wrist_rule: How the wrist follows from the labelled palm, or ``palm`` to keep the palm.
        labels: ``published`` joints in the cameras' frames where there are any, or all ``computed``.
        boxes: ``published`` crops around the authors' boxes where there are any, ``none`` around the joints.
        val_sequences: Sequences of the training split held out for validation, whole, such as ``data_20``.
        missing: ``error``, or ``skip`` to read the frames whose files are there and record the others' number.
        exclude: Frames to leave out on purpose, of all cameras, named as ``data_3/17``.
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
        clip_length: int = 4,
        clip_step: int | None = None,
        cameras: Sequence[int] = CAMERAS,
        lens: Lens = "undistorted",
        wrist_rule: WristRule = DEFAULT_RULE,
        labels: Labels = "published",
        boxes: Boxes = "none",
        val_sequences: Sequence[str] = VALIDATION_SEQUENCES,
        missing: Missing = "error",
        exclude: Sequence[str] = (),
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
        self.root, self.group, self.clip_length, self.clip_step = Path(root), group, clip_length, clip_step
        self.cameras, self.lens, self.wrist_rule = tuple(cameras), lens, wrist_rule
        self.labels, self.boxes, self.val_sequences = labels, boxes, tuple(val_sequences)
        self.missing, self.exclude = missing, tuple(exclude)

    def training_source(self) -> VideoSource | Views | Clips:
        """The training split, un-cropped."""
        return self._split("train")

    def evaluation_source(self) -> VideoSource | Views | Clips:
        """The test split, un-cropped."""
        return self._split("test")

    def training_and_validation(self) -> tuple[Part, Part]:
        """Split the training sequences into those to train and those to validate on."""
        source = self.training_source()
        names = {number: f"data_{number}" for number in SPLIT_SEQUENCES["train"]}
        kept, held_out = split_sequences(source.sequences, names, self.val_sequences)
        return (source, kept), (source, held_out)

    def _split(self, split: Split) -> VideoSource | Views | Clips:
        images = MHP(
            self.root,
            split,
            self.cameras,
            self.lens,
            self.wrist_rule,
            self.labels,
            self.boxes,
            self.missing,
            self.exclude,
        )
        return grouped(images, self.group, self.clip_length, self.clip_step)

    def describe(self) -> dict[str, str]:
        """The choices that results depend on, of the stage set up last."""
        choices = super().describe()
        around = {"crop": choices["crop"].replace("joints", "boxes")} if self.boxes == "published" else {}
        return {**choices, **around, "val_sequences": ", ".join(self.val_sequences)}
