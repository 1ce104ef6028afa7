"""The shared module, by an oracle that knows the hands and misses them by a set number of pixels."""

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader

from handpose_core.camera import project, reference_length, relative_depth
from handpose_core.datasets.sample import collate
from handpose_core.errors import HandposeError
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate
from handpose_core.training.schedules import OneCycle, StepDecay

FOCAL = 60.0
K = torch.tensor([[FOCAL, 0, 31.5], [0, FOCAL, 31.5], [0, 0, 1]])
N_HANDS = 5


def hands() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(N_HANDS, 21, 3, generator=generator) * 40 + torch.tensor([0.0, 0, 500])


def samples() -> list[dict[str, torch.Tensor]]:
    return [
        {
            "image": torch.full((3, 64, 64), index / 10),
            "joints_2d": project(joints, K),
            "joints_3d": joints,
            "annotated": torch.ones(21, dtype=torch.bool),
            "visible": torch.ones(21, dtype=torch.bool),
            "K": K,
            "index": torch.tensor(index),
        }
        for index, joints in enumerate(hands())
    ]


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.5)


class Oracle(HandPoseModule):
    display_name = "oracle"

    def __init__(self, miss: float = 0.0, optimizer=sgd, schedule=None, scale_mm: float | None = None) -> None:
        super().__init__(optimizer, schedule, scale_mm)
        self.network = self.build_network()
        nn.init.constant_(self.network.bias, miss)
        self.save_sizes()

    def build_network(self) -> nn.Module:
        return nn.Linear(1, 1)

    def forward(self, image):
        return (image[:, 0, 0, 0] * 10).round().long(), self.network.bias

    def losses(self, output, batch):
        return {"loss": output[1].square().sum()}

    def decode(self, output, image_size):
        joints = hands()[output[0]]
        pixels = project(joints, K.expand(len(joints), 3, 3))
        pixels = torch.stack([pixels[..., 0] + output[1], pixels[..., 1]], dim=-1)
        return Estimate(pixels, relative_depth(joints), torch.ones(len(joints), 21))


class Cousin(Oracle):
    display_name = "cousin"


def loader():
    return DataLoader(samples(), batch_size=2, collate_fn=collate)


def trainer(path, **options) -> pl.Trainer:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    return pl.Trainer(**{"default_root_dir": path, "accelerator": "cpu", "log_every_n_steps": 1, **quiet, **options})


pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.`"),
]


def scores_of(module, path):
    trainer(path, enable_checkpointing=False).test(module, loader(), verbose=False)
    return {(row.score.recover, row.score.alignment): row.score for row in module.results}


def test_a_perfect_estimate_scores_zero_with_the_true_root_and_scale(tmp_path):
    scores = scores_of(Oracle(scale_mm=45.0), tmp_path)
    for alignment in ("none", "root", "root_scale", "procrustes"):
        assert scores["true_root_and_scale", alignment].epe_mean == pytest.approx(0, abs=1e-2)
    assert scores["none: 2D", "none"].epe_mean == pytest.approx(0, abs=1e-3)
    # 45 mm is not these hands' bone: only the scale-free alignments are right
    assert scores["predicted", "root"].epe_mean > 1
    assert scores["predicted", "root_scale"].epe_mean < scores["predicted", "root"].epe_mean


def test_scores_of_a_known_miss(tmp_path):
    """m px to the right at depth z is m z / f mm: aligned at the root, m (z - z_root) / f remains."""
    scores = scores_of(Oracle(miss=3.0, scale_mm=45.0), tmp_path)
    z = hands()[..., 2]
    assert scores["none: 2D", "none"].epe_mean == pytest.approx(3, abs=1e-3)
    assert scores["true_root_and_scale", "none"].epe_mean == pytest.approx((3 * z / FOCAL).mean().item(), rel=1e-4)
    expected = (3 * (z - z[:, :1]).abs() / FOCAL).mean().item()
    assert scores["true_root_and_scale", "root"].epe_mean == pytest.approx(expected, rel=1e-3)
    assert scores["true_root_and_scale", "root"].n_samples == N_HANDS


def test_predicted_recovery_with_the_true_bone_is_exact():
    batch = collate(samples()[:1])
    module = Oracle(scale_mm=reference_length(batch["joints_3d"]).item())
    prediction = module.estimate({key: batch[key] for key in ("image", "K")}, "predicted")
    assert torch.allclose(prediction.joints_3d, batch["joints_3d"], atol=0.1)


def test_the_scale_is_learnt_from_training_labels_and_kept_in_the_checkpoint(tmp_path):
    module = Oracle(miss=1.0)
    with pytest.raises(HandposeError, match="scale_mm"):
        module.estimate(collate(samples()), "predicted")
    run = trainer(tmp_path, max_epochs=1)
    run.fit(module, loader(), loader())
    assert module.label_means.bone.item() == pytest.approx(reference_length(hands()).mean().item(), rel=1e-6)
    again = Oracle.load_from_checkpoint(run.checkpoint_callback.best_model_path)
    assert again.label_means.bone == module.label_means.bone
    assert torch.equal(again.network.bias, module.network.bias)
    assert again.hparams == {"miss": 1.0, "scale_mm": None}


def test_another_methods_checkpoint_is_refused(tmp_path):
    run = trainer(tmp_path, max_epochs=1)
    run.fit(Oracle(), loader(), loader())
    with pytest.raises(HandposeError, match="Oracle") as refused:
        Cousin.load_from_checkpoint(run.checkpoint_callback.best_model_path)
    assert "Cousin" in refused.value.expected
    with pytest.raises(HandposeError, match="no such file"):
        Oracle.load_from_checkpoint(tmp_path / "nowhere.ckpt")


def test_fit_logs_losses_and_validation_scores(tmp_path):
    run = trainer(tmp_path, max_epochs=2, enable_checkpointing=False)
    run.fit(Oracle(miss=3.0), loader(), loader())
    logged = run.callback_metrics
    assert {"train/loss", "val/loss", "val/epe", "val/epe_2d", "val/auc_20_50"} <= logged.keys()
    assert logged["val/epe_2d"] < 3  # it learnt to miss by less


def test_results_are_of_the_last_test_alone(tmp_path):
    module = Oracle(scale_mm=45.0)
    scores_of(module, tmp_path)
    scores_of(module, tmp_path)
    assert len(module.results) == 2 * 4 + 1


def test_predictions_come_with_the_index_and_need_no_truth(tmp_path):
    wanted = ("image", "K", "index")
    batches = DataLoader([{key: s[key] for key in wanted} for s in samples()], batch_size=2, collate_fn=collate)
    out = trainer(tmp_path, enable_checkpointing=False).predict(Oracle(scale_mm=45.0), batches)
    assert torch.equal(torch.cat([batch["index"] for batch in out]), torch.arange(N_HANDS))
    shapes = {key: tuple(value.shape) for key, value in out[0].items()}
    assert shapes == {
        "index": (2,),
        "joints_2d": (2, 21, 2),
        "joints_3d": (2, 21, 3),
        "z_rel": (2, 21),
        "scores": (2, 21),
    }


@pytest.mark.parametrize(
    ("schedule", "expected"), [(None, 0.5), (StepDecay(epochs=2, factor=0.1), 0.005), (OneCycle(), 0.5 / 25 / 1e4)]
)
def test_schedules_end_where_they_should(tmp_path, schedule, expected):
    run = trainer(tmp_path, max_epochs=4, enable_checkpointing=False)
    run.fit(Oracle(miss=3.0, schedule=schedule), loader(), loader())
    assert run.optimizers[0].param_groups[0]["lr"] == pytest.approx(expected, rel=1e-3)


def test_a_cycle_goes_on_in_a_training_of_its_own_length_alone(tmp_path):
    run = trainer(tmp_path, max_epochs=2, enable_checkpointing=False)
    run.fit(Oracle(schedule=OneCycle()), loader(), loader())
    checkpoint = tmp_path / "one.ckpt"
    run.save_checkpoint(checkpoint)
    longer = trainer(tmp_path, max_epochs=3, enable_checkpointing=False)
    with pytest.raises(HandposeError, match="found one over 6 steps; expected over 9, as many as this training has"):
        longer.fit(Oracle(schedule=OneCycle()), loader(), loader(), ckpt_path=checkpoint)
    again = trainer(tmp_path, max_epochs=2, enable_checkpointing=False)
    again.fit(Oracle(schedule=OneCycle()), loader(), loader(), ckpt_path=checkpoint)


def test_joints_without_annotation_do_not_count_in_the_means():
    module = Oracle()
    batch = collate(samples())
    batch["annotated"][0, 9] = False  # the middle MCP: this hand has no reference bone
    batch["annotated"][1, 4] = False
    batch["joints_3d"][1, 4] = torch.nan
    module.label_means.update(batch)
    kept = reference_length(hands()[1:])
    assert module.label_means.bone.item() == pytest.approx(kept.mean().item(), rel=1e-6)
    rooted = hands() - hands()[:, :1]
    expected = rooted.mean(dim=0)
    expected[9] = rooted[1:, 9].mean(dim=0)
    expected[4] = rooted[[0, 2, 3, 4], 4].mean(dim=0)
    assert torch.allclose(module.label_means.pose, expected, atol=1e-3)
