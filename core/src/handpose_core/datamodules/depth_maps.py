"""Depth maps as a source of their own, for losses that compare depth with depth of no matching picture."""

from torch.utils.data import Dataset

from handpose_core.datamodules.cropped import CroppedDataset, Draw
from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError

_KEPT = ("depth", "mask", "index")


class DepthMaps(Dataset[Sample]):
    """The depth of cropped samples, without what would pair it: samples have ``depth``, ``index`` and ``mask`` if any.

    Colours and joints are left out on purpose, so that no training can look at the picture that a depth map is of.

    Args:
        crops: Samples with ``depth``, of any dataset: RHD with its ``depth/``, STB with ``depth: true``.

    Raises:
        HandposeError: the samples have no depth.
    """

    def __init__(self, crops: CroppedDataset) -> None:
        self.crops = crops
        if "depth" not in crops[0]:
            raise HandposeError(
                crops.source.where(crops.indices[0]),
                "a sample without depth",
                "a dataset with depth maps",
                "Take RHD with its depth/ folder, or STB with depth: true.",
            )

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, turn: int | Draw) -> Sample:
        """One depth map; raises what ``crops`` raises."""
        sample = self.crops[turn]
        return {key: sample[key] for key in _KEPT if key in sample}

    def describe(self) -> dict[str, str]:
        """The choices of the dataset that the depth maps are of."""
        return {f"depth_{key}": value for key, value in self.crops.source.describe().items()}
