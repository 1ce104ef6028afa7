import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader

from handpose_core.camera import project
from handpose_core.datasets.sample import collate
from handpose_core.errors import HandposeError
from handpose_core.training.baselines import Baselines, FlatDepth, MeanPose, Untrained
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate

K = torch.tensor([[60.0, 0, 31.5], [0, 60.0, 31.5], [0, 0, 1]])


class Linear(HandPoseModule):
    """The mean colour, linearly."""

    display_name = "linear"

    def __init__(self) -> None:
        super().__init__(torch.optim.SGD, None, 45.0)
        self.network = self.build_network()

    def build_network(self):
        return nn.Linear(3, 63)

    def forward(self, image):
        return self.network(image.mean(dim=(-1, -2))).unflatten(1, (21, 3))

    def losses(self, output, batch):
        return {"loss": output.square().mean()}

    def decode(self, output, image_size):
        return Estimate(output[..., :2] * image_size, output[..., 2], output[..., 2])


def batch_of(joints):
    count = len(joints)
    return {
        "image": torch.rand(count, 3, 8, 8),
        "joints_2d": project(joints, K.expand(count, 3, 3)),
        "joints_3d": joints,
        "annotated": torch.ones(count, 21, dtype=torch.bool),
        "visible": torch.ones(count, 21, dtype=torch.bool),
        "K": K.expand(count, 3, 3),
        "index": torch.arange(count),
    }


@pytest.fixture
def joints():
    return torch.randn(4, 21, 3) * 40 + torch.tensor([0.0, 0, 500])


def test_mean_pose_is_the_training_mean_at_the_true_root(joints):
    module = Linear()
    assert not module.label_means.knows_pose
    with pytest.raises(HandposeError, match="mean pose"):
        MeanPose(module)
    train = torch.randn(6, 21, 3) * 40 + torch.tensor([10.0, 20, 700])
    module.label_means.update(batch_of(train))
    prediction = MeanPose(module).predict(batch_of(joints))
    assert torch.equal(prediction.joints_3d[:, 0], joints[:, 0])
    mean = (train - train[:, :1]).mean(dim=0)
    assert torch.allclose(prediction.joints_3d[2] - joints[2, :1], mean, atol=1e-3)
    assert torch.allclose(prediction.joints_2d, project(prediction.joints_3d, K.expand(4, 3, 3)))


def test_flat_depth_keeps_the_true_pixels_at_the_roots_depth(joints):
    batch = batch_of(joints)
    prediction = FlatDepth(Linear()).predict(batch)
    assert torch.allclose(prediction.joints_3d[..., 2], joints[:, :1, 2].expand(4, 21))
    assert torch.allclose(project(prediction.joints_3d, batch["K"]), batch["joints_2d"], atol=1e-3)


def test_untrained_is_a_fresh_network_and_leaves_the_trained_one_alone(joints):
    module = Linear()
    trained = module.network.weight.detach().clone()
    state = torch.random.get_rng_state()
    batch = batch_of(joints)
    first, second = Untrained(module).predict(batch), Untrained(module).predict(batch)
    assert torch.equal(first.joints_3d, second.joints_3d)
    assert not torch.equal(first.joints_3d, module.estimate(batch, "true_root_and_scale").joints_3d)
    assert torch.equal(module.network.weight, trained)
    assert module.network.weight.requires_grad
    assert not torch.equal(Untrained(module, seed=1).predict(batch).joints_3d, first.joints_3d)
    assert len(state) == len(torch.random.get_rng_state())


@pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers")
@pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.`")
def test_baselines_add_their_rows_after_the_methods(tmp_path, joints):
    module = Linear()
    module.label_means.update(batch_of(joints))
    batch = batch_of(joints)
    samples = [{key: value[i] for key, value in batch.items()} for i in range(4)]
    trainer = pl.Trainer(
        default_root_dir=tmp_path, accelerator="cpu", logger=False, callbacks=[Baselines()], enable_progress_bar=False
    )
    trainer.test(module, DataLoader(samples, batch_size=3, collate_fn=collate), verbose=False)
    names = list(dict.fromkeys(row.name for row in module.results))
    assert names == ["linear", "mean training pose", "true 2D, flat depth", "untrained network"]
    scores = {(row.name, row.score.alignment, row.score.unit): row.score for row in module.results}
    flat = scores["true 2D, flat depth", "root", "mm"]
    expected = FlatDepth(module).predict(batch).joints_3d
    error = ((expected - expected[:, :1]) - (joints - joints[:, :1])).norm(dim=-1).mean().item()
    assert flat.epe_mean == pytest.approx(error, rel=1e-4)
    assert flat.recover == "true_2d_and_root"
    assert flat.n_samples == 4
    assert scores["true 2D, flat depth", "none", "px (crop)"].epe_mean == pytest.approx(0, abs=1e-3)


def test_baselines_refuse_a_module_of_another_kind(tmp_path):
    with pytest.raises(HandposeError, match="LightningModule"):
        Baselines().on_test_start(pl.Trainer(logger=False, accelerator="cpu"), pl.LightningModule())
