"""STB for training and testing; see `handpose_core.datasets.stb`."""

from collections.abc import Sequence
from pathlib import Path

from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.base import HandDataModule, Part
from handpose_core.datamodules.depth_maps import DepthMapSource
from handpose_core.datamodules.splits import split_sequences
from handpose_core.datasets.selection import Missing
from handpose_core.datasets.stb import STB, CameraName
from handpose_core.datasets.stb_layout import SEQUENCES, SPLIT_SEQUENCES, VALIDATION_SEQUENCES, Split
from handpose_core.datasets.video import Clips, Grouping, VideoSource, Views, grouped
from handpose_core.datasets.wrist import DEFAULT_RULE, WristRule


class STBDataModule(HandDataModule):
    """STB, or synthetic data in its layout: trains on B2 to B6 but for the validation sequences, tests on B1.

    Args:
        root: The folder that holds ``images/`` and ``labels/``; a stage needs only its own split of them.
        batch_size: Samples in a batch, in each process.
        num_workers: Loader processes; 0 loads in the training process.
        image_size: Side of the square crops, px.
        crop_scale: The crop's side over the joints' extent.
        camera: ``sk``, ``bb_left``, ``bb_right`` or ``bb`` (both of the stereo pair, one after the other).
        wrist_rule: How the wrist follows from the labelled palm, or ``palm`` to keep the palm.
        depth: Whether to read SK's depth.
        group: ``images``, ``views`` (both of the stereo pair) or ``clips`` (consecutive frames of one camera).
        clip_length: Frames in a clip.
        clip_step: Frames from the start of a clip to the next one's; None leaves no overlap.
        val_sequences: Sequences of the training split held out for validation: whole ones, because
            neighbouring frames of a video are alike.
        missing: ``error``, or ``skip`` to read the frames whose files are there and record the others' number.
        exclude: Frames to leave out on purpose, named as ``B2Random/17``.
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
        camera: CameraName = "sk",
        wrist_rule: WristRule = DEFAULT_RULE,
        depth: bool = False,
        group: Grouping = "images",
        clip_length: int = 4,
        clip_step: int | None = None,
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
        self.root, self.camera, self.wrist_rule, self.depth = Path(root), camera, wrist_rule, depth
        self.group, self.clip_length, self.clip_step = group, clip_length, clip_step
        self.val_sequences, self.missing, self.exclude = tuple(val_sequences), missing, tuple(exclude)

    def training_source(self) -> VideoSource | Views | Clips:
        """The training split, un-cropped."""
        return self._split("train")

    def evaluation_source(self) -> VideoSource | Views | Clips:
        """The test split, un-cropped."""
        return self._split("test")

    def training_and_validation(self) -> tuple[Part, Part]:
        """The training split without and with only the validation sequences."""
        source = self.training_source()
        names = {number: name for number, name in enumerate(SEQUENCES) if name in SPLIT_SEQUENCES["train"]}
        kept, held_out = split_sequences(source.sequences, names, self.val_sequences)
        return (source, kept), (source, held_out)

    def describe(self) -> dict[str, str]:
        """The choices that results depend on, of the stage set up last."""
        return {**super().describe(), "val_sequences": ", ".join(self.val_sequences)}

    def _split(self, split: Split) -> VideoSource | Views | Clips:
        frames = STB(self.root, split, self.camera, self.wrist_rule, self.depth, self.missing, self.exclude)
        return grouped(frames, self.group, self.clip_length, self.clip_step)
