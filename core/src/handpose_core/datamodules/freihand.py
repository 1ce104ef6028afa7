"""FreiHAND for training and testing; see `handpose_core.datasets.freihand`."""

from collections.abc import Sequence
from pathlib import Path

from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.base import HandDataModule, Part
from handpose_core.datamodules.depth_maps import DepthMapSource
from handpose_core.datamodules.splits import split_groups
from handpose_core.datasets.freihand import FreiHAND
from handpose_core.datasets.freihand_layout import VERSIONS, Split, Version
from handpose_core.datasets.selection import Missing


class FreiHANDDataModule(HandDataModule):
    """FreiHAND, or synthetic data in its layout.

    Args:
        root: The folder that holds ``training/``, ``evaluation/`` and the JSON files; a stage needs only its own split.
        batch_size: Samples in a batch, in each process.
        num_workers: Loader processes; 0 loads in the training process.
        image_size: Side of the square crops, px.
        crop_scale: The crop's side over the joints' extent; without joints the crop is the whole image.
        versions: Which images of each training pose: ``gs`` (green screen), ``hom``, ``sample``, ``auto``.
        vertices: Whether to read the mesh.
        missing: ``error``, or ``skip`` to read the images that are there and record the others' number.
        exclude: Images to leave out on purpose, named as ``training/00000017``.
        val_fraction: Part of the training poses that is held out for validation, with all their images.
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
        versions: Sequence[Version] = VERSIONS,
        vertices: bool = False,
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
        self.root, self.versions, self.vertices = Path(root), tuple(versions), vertices
        self.missing, self.exclude = missing, tuple(exclude)

    def training_source(self) -> FreiHAND:
        """The training split, un-cropped."""
        return self._split("training")

    def evaluation_source(self) -> FreiHAND:
        """The evaluation split, un-cropped."""
        return self._split("evaluation")

    def training_and_validation(self) -> tuple[Part, Part]:
        """The training poses without and with only the held-out ones: no pose is in both."""
        source = self.training_source()
        kept, held_out = split_groups(source.poses.tolist(), self.val_fraction)
        return (source, kept), (source, held_out)

    def _split(self, split: Split) -> FreiHAND:
        return FreiHAND(self.root, split, self.versions, self.vertices, self.missing, self.exclude)
