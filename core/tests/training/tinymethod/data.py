import torch
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset

from handpose_core.camera import project
from handpose_core.datasets.sample import Sample, collate
from handpose_core.errors import HandposeError

_K = torch.tensor([[60.0, 0, 31.5], [0, 60.0, 31.5], [0, 0, 1]])


class TinyHands(LightningDataModule):
    """Random hands in front of noise.

    Args:
        n: how many.
        bad: the index of a sample that cannot be read, -1 for none.
        num_workers: loader processes.
    """

    def __init__(self, n: int = 7, bad: int = -1, num_workers: int = 0) -> None:
        super().__init__()
        if n <= 0:
            raise HandposeError("data, n", str(n), "at least 1", "Ask for more.")
        self.n, self.bad, self.num_workers = n, bad, num_workers

    def describe(self) -> dict[str, str]:
        return {"dataset": "tiny hands", "crop": "none"}

    def train_dataloader(self):
        return DataLoader(_Hands(self.n, self.bad), batch_size=2, num_workers=self.num_workers, collate_fn=collate)

    val_dataloader = test_dataloader = predict_dataloader = train_dataloader


class _Hands(Dataset):
    def __init__(self, n: int, bad: int) -> None:
        self.n, self.bad = n, bad

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Sample:
        if index == self.bad:
            raise HandposeError(f"frame {index}, image", "nothing", "a PNG", "Copy it again.")
        generator = torch.Generator().manual_seed(index)
        joints = torch.randn(21, 3, generator=generator) * 40 + torch.tensor([0.0, 0, 500])
        return {
            "image": torch.rand(3, 64, 64, generator=generator),
            "joints_2d": project(joints, _K),
            "joints_3d": joints,
            "annotated": torch.ones(21, dtype=torch.bool),
            "visible": torch.ones(21, dtype=torch.bool),
            "K": _K,
            "side": torch.tensor(1),
            "index": torch.tensor(index),
        }
