"""Distances of images to real ones, by hand-worked sets, and the results of a test."""

import json

import pytest
import pytorch_lightning as pl
import torch
from tagan.tests.tiny_training import SIDE, module_of
from torch.utils.data import DataLoader

from handpose_core.datasets.sample import collate
from handpose_tagan.losses import colour_histograms, tonality_loss
from handpose_tagan.quality import FEATURES, ImageQuality, image_features
from handpose_tagan.quality_results import QualityResults

pytestmark = pytest.mark.filterwarnings("ignore")


def images(seed, count=6):
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def distances(made, real, batch=6):
    metric = ImageQuality()
    for some, others in zip(made.split(batch), real.split(batch), strict=True):
        metric.update(some, others)
    return metric.compute()


def test_images_are_no_way_from_themselves():
    found = distances(images(0), images(0))
    assert found["n_samples"] == 6
    assert found["tonality"] == pytest.approx(0, abs=1e-7)
    assert found["histogram_kl"] == pytest.approx(0, abs=1e-9)
    assert found["kid_colour_edges"] < 0  # unbiased: with itself, every image but one is another


def test_the_distances_are_what_their_equations_say_whatever_the_batches():
    real, made = images(0), images(1) ** 2
    found = distances(made, real, batch=4)
    assert found["tonality"] == pytest.approx(tonality_loss(made, real).item(), rel=1e-5)
    ours, theirs = colour_histograms(made).mean(0), colour_histograms(real).mean(0)
    assert found["histogram_kl"] == pytest.approx((ours * (ours / theirs).log()).sum(1).mean().item(), rel=1e-4)
    x, y = image_features(real).double(), image_features(made).double()
    cube = lambda a, b: (a @ b / len(a) + 1) ** 3  # noqa: E731
    within = sum(cube(u[i], u[j]) for u in (x, y) for i in range(6) for j in range(6) if i != j) / 30
    between = sum(cube(x[i], y[j]) for i in range(6) for j in range(6)) / 36
    assert found["kid_colour_edges"] == pytest.approx((within - 2 * between).item(), rel=1e-9)


def test_darker_images_are_farther_in_every_distance():
    real = images(0)
    near, far = distances(0.9 * images(1), real), distances(0.5 * images(1), real)
    assert all(near[name] < far[name] for name in ("tonality", "histogram_kl", "kid_colour_edges"))
    assert torch.isnan(torch.tensor(distances(images(0, 1), images(1, 1))["kid_colour_edges"]))


@pytest.mark.parametrize("simulated", [True, False])
def test_a_test_writes_its_distances_before_and_after(simulated, tmp_path):
    samples = [{"image": image} for image in images(0, 4)]
    if simulated:
        samples = [{**sample, "simulated": other / 4} for sample, other in zip(samples, images(1, 4), strict=True)]
    module = module_of("TAGAN")
    module.configure_callbacks = lambda: [QualityResults()]  # the pictures need a datamodule
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, default_root_dir=tmp_path, enable_progress_bar=False, callbacks=[]
    )
    trainer.test(module, DataLoader(samples, 2, collate_fn=collate), verbose=False)
    record = json.loads((tmp_path / "results.json").read_text())
    assert record["features"] == FEATURES
    after, *before = record["rows"]
    assert (after["method"], after["n_samples"]) == ("TAGAN", 4)
    assert after["made_of"] == ("superposed images" if simulated else "real images, from their own maps")
    assert record["metrics"]["test/histogram_kl"] == pytest.approx(after["histogram_kl"], rel=1e-5)
    assert len(before) == simulated
    if simulated:
        expected = distances(images(1, 4) / 4, images(0, 4))
        assert {name: before[0][name] for name in expected} == pytest.approx(expected, rel=1e-5)
