"""CMU-PS for training and testing; see `handpose_core.datasets.cmu_ps`."""

from collections.abc import Sequence
from pathlib import Path

from handpose_core.datamodules import base
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.depth_maps import DepthMapSource
from handpose_core.datamodules.splits import split_groups
from handpose_core.datasets.cmu_ps import CMUPS
from handpose_core.datasets.cmu_ps_layout import Part
from handpose_core.datasets.selection import Missing
from handpose_core.errors import HandposeError


class CMUPSDataModule(base.HandDataModule):
    """CMU-PS, or synthetic data in its layout; 2D joints only, so for methods and scores that need no more.

    Args:
        root: The folder that holds the parts; a stage needs only its own.
        batch_size: Samples in a batch, in each process.
        num_workers: Loader processes; 0 loads in the training process.
        image_size: Side of the square crops, px.
        crop_scale: The crop's side over the joints' extent.
        train_part: What to train on: ``manual_train``, ``manual_test`` or ``hands_v143``.
        test_part: What to test on. The author of the thesis evaluated on ``manual_train``, its text says
            ``manual_test``. A training refuses the part that it trains on.
        missing: ``error``, or ``skip`` to read the hands whose files are there and record the others' number.
        exclude: Hands to leave out on purpose, named as ``manual_train/000015774_01_l``.
        val_fraction: Part of the training photographs that is held out for validation, with all their hands.
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
        train_part: Part = "manual_train",
        test_part: Part = "manual_test",
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
        self.root, self.train_part, self.test_part = Path(root), train_part, test_part
        self.missing, self.exclude = missing, tuple(exclude)

    def training_source(self) -> CMUPS:
        """The part to train on, un-cropped."""
        return CMUPS(self.root, self.train_part, self.missing, self.exclude)

    def evaluation_source(self) -> CMUPS:
        """The part to test on, un-cropped."""
        return CMUPS(self.root, self.test_part, self.missing, self.exclude)

    def training_and_validation(self) -> tuple[base.Part, base.Part]:
        """Split the training photographs into those to train and those to validate on.

        Raises:
            HandposeError: The part to train on is the one to test on.
        """
        if self.train_part == self.test_part:
            raise HandposeError(
                "--data.train_part, --data.test_part", f"{self.train_part} for both",
                "two different parts: validation samples are held out of the part that is trained on",
                "Choose another part for one of the two.",
            )  # fmt: skip
        source = self.training_source()
        kept, held_out = split_groups(source.pictures, self.val_fraction)
        return (source, kept), (source, held_out)
