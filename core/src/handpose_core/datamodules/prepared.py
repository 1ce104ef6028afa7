"""Prepared data for training and testing; see `handpose_core.prepare`."""

import math
from pathlib import Path

from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.base import HandDataModule, Part
from handpose_core.datamodules.depth_maps import DepthMapSource
from handpose_core.datasets.prepared import PreparedPart, open_prepared
from handpose_core.datasets.world import UNKNOWN, joined, world_of
from handpose_core.errors import HandposeError
from handpose_core.prepare.manifest import Kind, PartName, read_manifest


class PreparedDataModule(HandDataModule):
    """What ``handpose data prepare`` made of another datamodule's data, with the same splits and the same crops.

    Args:
        root: The folder that ``handpose data prepare`` made.
        batch_size: Samples in a batch, in each process.
        num_workers: Loader processes; 0 loads in the training process.
        image_size: Side of the square crops, px; at most what was prepared for, which is the default.
        group: ``images`` takes the pictures of clips or groups of views for themselves; None leaves all as prepared.
        augmentation: How to vary training samples; None leaves them as labelled.
        depth_maps: What training samples meet as ``unpaired_depth``; None leaves it out.
        right_handed: Whether left hands are shown mirrored, as right ones; None does as the module asks.

    Raises:
        HandposeError: no prepared data, or they were prepared for smaller crops or less augmentation.
    """

    def __init__(
        self,
        root: str,
        batch_size: int = 8,
        num_workers: int = 0,
        image_size: int | None = None,
        group: Kind | None = None,
        augmentation: Augmentation | None = None,
        depth_maps: DepthMapSource | None = None,
        right_handed: bool | None = None,
    ) -> None:
        recipe = read_manifest(Path(root)).recipe
        image_size = image_size or recipe.image_size
        super().__init__(
            batch_size,
            num_workers,
            image_size,
            recipe.crop_scale,
            augmentation=augmentation,
            depth_maps=depth_maps,
            right_handed=right_handed,
        )
        self.root, self.group = Path(root), group
        if image_size > recipe.image_size:
            self._too_little("image_size", str(image_size), f"at most {recipe.image_size}", "--data.image_size")
        needed = math.floor(100 * augmentation.reach) / 100 if augmentation else 1.0
        if needed > recipe.margin:
            found = f"crops that reach {needed:g} times as far as those not varied"
            self._too_little("augmentation", found, f"at most {recipe.margin:g} times, as prepared", "--margin")

    def _too_little(self, field: str, found: str, expected: str, option: str) -> None:
        raise HandposeError(
            f"data, {field}", found, expected, f"Ask for less, or prepare the data with a larger {option}."
        )

    def training_source(self) -> PreparedPart:
        """The training part."""
        return open_prepared(self.root, "train", self.group)

    def evaluation_source(self) -> PreparedPart:
        """The test part."""
        return open_prepared(self.root, "test", self.group)

    def training_and_validation(self) -> tuple[Part, Part]:
        """The two as the original datamodule split them up."""
        train, val = self.training_source(), open_prepared(self.root, "val", self.group)
        return (train, range(len(train))), (val, range(len(val)))

    def world(self) -> str:
        """See `HandDataModule.world`: that of the original, as recorded when it was prepared, or by its folder."""
        manifest = read_manifest(self.root)
        recorded = {part.choices["world"] for part in manifest.parts.values() if "world" in part.choices}
        original = Path(str(manifest.recipe.options.get("root", "")))
        by_folder = world_of(original) if original.is_absolute() and original.exists() else UNKNOWN
        depth = [self.depth_maps.world()] if self.depth_maps else []
        return joined([*(recorded or {by_folder}), *depth])

    def setup(self, stage: str) -> None:
        """Open the parts that ``stage`` needs."""
        super().setup(stage)
        part: PartName = "train" if stage in ("fit", "validate") else "test"
        self._rule = read_manifest(self.root).parts[part].rule
