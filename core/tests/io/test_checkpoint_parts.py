"""Checkpoints in parts: files below a limit, one checkpoint whenever writing stops, trainings that go on."""

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from handpose_core.errors import HandposeError
from handpose_core.io import atomic
from handpose_core.io.checkpoint_parts import CheckpointParts, as_one_file, index_of, write_parts

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:.*LeafSpec:FutureWarning", "ignore:The dirpath has changed"
)


def read(path):
    with as_one_file(path) as whole:
        return whole.read_bytes()


def test_a_large_file_is_written_in_parts_and_read_as_one(tmp_path):
    path = tmp_path / "last.ckpt"
    first, second = bytes(range(256)) * 40, b"other" * 2000
    write_parts(path, first, 3000)
    assert sorted(file.stat().st_size for file in tmp_path.iterdir() if file != path) == [1240, 3000, 3000, 3000]
    assert path.stat().st_size < 1000
    assert read(path) == first
    write_parts(path, second, 3000)
    assert read(path) == second
    assert len(list(tmp_path.iterdir())) == 5  # nothing of the first is left
    assert list(tmp_path.glob("*.ckpt")) == [path]
    write_parts(path, b"small", 3000)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == read(path) == b"small"


@pytest.mark.parametrize("stop", range(5))
def test_whenever_writing_stops_the_checkpoint_before_is_whole(tmp_path, monkeypatch, stop):
    path, first = tmp_path / "last.ckpt", b"first" * 2000
    write_parts(path, first, 3000)
    files, written, write = sorted(tmp_path.iterdir()), [], atomic.write_bytes

    def full_disk(target, content):
        if len(written) == stop:
            raise OSError(28, "No space left on device")
        written.append(target)
        write(target, content)

    monkeypatch.setattr(atomic, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_parts(path, b"second" * 2000, 3000)
    assert read(path) == first
    assert sorted(tmp_path.iterdir()) == files


def test_parts_that_do_not_belong_together_are_refused(tmp_path):
    path = tmp_path / "last.ckpt"
    write_parts(path, b"content" * 1000, 3000)
    part = next(file for file in tmp_path.iterdir() if file.name.endswith("-2of3"))
    content = part.read_bytes()
    part.write_bytes(content[:-1] + b"!")
    with pytest.raises(HandposeError, match="not those written with it"):
        read(path)
    part.unlink()
    with pytest.raises(HandposeError, match=r"2of3: found no such file; expected a part of last\.ckpt"):
        read(path)


def test_a_small_checkpoint_and_one_without_a_limit_are_single_files(tmp_path):
    path, checkpoint = tmp_path / "best.ckpt", {"weight": torch.arange(1000.0)}
    for limit in (1.0, None):
        CheckpointParts(limit).save_checkpoint(checkpoint, path)
        assert index_of(path) is None
        assert torch.equal(CheckpointParts().load_checkpoint(path, weights_only=True)["weight"], checkpoint["weight"])
    CheckpointParts(0.002).save_checkpoint(checkpoint, path)
    assert index_of(path) is not None
    CheckpointParts().remove_checkpoint(path)
    assert not list(tmp_path.iterdir())


def test_a_limit_of_nothing_is_refused():
    for limit in (0, -1.0, float("nan")):
        with pytest.raises(HandposeError, match="largest_mb: found"):
            CheckpointParts(limit)


class Net(pl.LightningModule):
    """A small network with an optimiser that has a state."""

    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(8, 64), torch.nn.Tanh(), torch.nn.Linear(64, 1))
        self.losses = []

    def training_step(self, batch):
        loss = (self.net(batch[0]) - batch[0].sum(1, keepdim=True)).square().mean()
        self.losses.append(float(loss.detach()))
        return loss

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), 0.01)


def train(folder, largest_mb, ckpt_path=None, epochs=4):
    torch.manual_seed(0)
    saved = pl.callbacks.ModelCheckpoint(folder, filename="{epoch}", save_top_k=-1)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = pl.Trainer(max_epochs=epochs, callbacks=[saved], plugins=[CheckpointParts(largest_mb)], **quiet)
    module = Net()
    data = DataLoader(TensorDataset(torch.randn(12, 8, generator=torch.Generator().manual_seed(1))), 4)
    trainer.fit(module, data, ckpt_path=ckpt_path)
    return module.losses


@pytest.mark.filterwarnings("ignore:.*number of training batches")
def test_a_training_goes_on_from_parts_to_the_same_losses(tmp_path):
    whole = train(tmp_path / "whole", 0.003)
    assert max(file.stat().st_size for file in (tmp_path / "whole").iterdir()) <= 3000
    resumed = train(tmp_path / "resumed", None, ckpt_path=tmp_path / "whole" / "epoch=1.ckpt")
    assert resumed == whole[6:]
