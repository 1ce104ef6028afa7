"""Generated sets from nothing but real pictures with keypoints: simulated, superposed, generated, once."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from handpose_benchmarks.tables import generated
from handpose_benchmarks.tables.command import _sets_to_make, _sources
from handpose_benchmarks.tables.data import Source, describe
from handpose_benchmarks.tables.generated import Scale, Workshop, make_sets
from handpose_benchmarks.tables.plan import Node
from handpose_benchmarks.tables.thesis import find_table
from handpose_core.camera import crop_matrix
from handpose_core.errors import HandposeError
from handpose_core.nn.gan import DiscriminatorSize
from handpose_core.nn.unet import UNetSize
from handpose_tagan.module import TAGANModule
from handpose_tagan.networks import ConditionalSize
from handpose_tagan.objectives import TAGAN
from handpose_tagan.simulation.bulk import simulate

from .test_command import wish

pytestmark = pytest.mark.filterwarnings("ignore")

SIDE = 64
NETWORK = UNetSize(width=4, downs=3, norm="instance", dropout=0.0)


class Untrained:
    """Gives new weights for trained ones, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Node] = []

    def fit(self, node: Node, init_from: Path | None) -> Path:
        self.asked.append(node)
        path = node.folder / "last.ckpt"
        if not path.is_file():
            import pytorch_lightning as pl

            size = ConditionalSize(generator=NETWORK, discriminator=DiscriminatorSize(width=4, layers=2))
            module = TAGANModule(TAGAN(size=size))
            trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
            trainer.strategy.connect(module)
            trainer.save_checkpoint(path)
        return path

    def test(self, node: Node, checkpoint: Path) -> Path:
        raise AssertionError("generators are not tested")

    def trivial(self, node: Node) -> Path:
        raise AssertionError("generators have no trivial rows")

    def stop(self) -> None:
        raise AssertionError("nothing interrupts the test")


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Three noisy pictures with the keypoints of hands as they are."""
    root, rng = tmp_path / "real", np.random.default_rng(0)
    root.mkdir()
    joints = [hand.joints_2d for hand in simulate(7, range(3))]
    A = crop_matrix(*_middle(320), SIDE * 2).numpy()
    for number in range(3):
        cv2.imwrite(str(root / f"{number}.png"), rng.integers(0, 255, (SIDE * 2, SIDE * 2, 3), np.uint8))
    np.savez(root / "labels.npz", joints_2d=np.stack([points @ A[:2, :2].T + A[:2, 2] for points in joints]))
    return root


def _middle(size: int):  # type: ignore[no-untyped-def]
    import torch

    return torch.full((2,), (size - 1) / 2).double(), torch.tensor(float(size)).double()


def test_every_step_is_made_once_and_told(real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated, "SCALES", {"tiny": Scale(8, 1, SIDE)})
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    options = ("--trainer.max_epochs=1", "--model.size", "x", "--trainer.accelerator", "cpu")
    workshop, runner = Workshop(tmp_path / "data", Source(real), "tiny", "demo", options), Untrained()
    make_sets({"cbg", "rbg", "tagan"}, workshop, runner, lambda line: None)
    (node,) = runner.asked
    assert node.arguments == (
        "--config", "demo-tagan", "--data.root", str(real), "--seed_everything", "0",
        "--trainer.max_epochs", "1", "--trainer.accelerator", "cpu",
    )  # fmt: skip
    counts = {name: len(list((workshop.of(name).root / "images").iterdir())) for name in ("cbg", "rbg", "tagan")}
    assert counts == {"cbg": 8, "rbg": 3, "tagan": 3}
    told = {name: describe(workshop.of(name))["generated"] for name in counts}
    assert {name: (own["variant"], own["size"]) for name, own in told.items()} == {
        "cbg": ("CBG", 320), "rbg": ("RBG", SIDE), "tagan": ("TAGAN", SIDE),
    }  # fmt: skip
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*.png")}
    make_sets({"cbg", "rbg", "tagan"}, workshop, runner, lambda line: None)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*.png")} == before
    assert "--data.simulated" in workshop.generator("cyclegan").arguments
    assert json.loads((workshop.superposed / "superposed.json").read_text())["made"] == 3


def test_sets_are_made_for_twins_or_where_real_pictures_are_given(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    for name in ("R", "S", "T", "G"):
        Path(name).mkdir()
    table, work = find_table("2.1"), Path("w")
    twins = wish(data="twins", number="2.1", size="tiny")
    sources = _sources(table, twins, work)
    assert sources["rhtd"].size == "tiny"
    assert sources["pix2pix"] == Source(
        work / "data" / "pix2pix-tiny", prepared=work / "data" / "pix2pix-tiny-prepared"
    )
    given = wish(data="rhd=R,stb=S,rhtd=T,tagan=G", number="2.1")
    assert _sets_to_make(table.needs(table.datasets), given) == {"cbg", "rbg", "pix2pix", "cyclegan"}
    sources = _sources(table, given, work)
    assert (sources["rhtd"].root, sources["tagan"].root) == (Path("T"), Path("G"))
    assert sources["rbg"].root == work / "data" / "rbg-demo"
    assert not _sets_to_make(table.needs(table.datasets), wish(data="rhd=R,stb=S", number="2.1"))
    with pytest.raises(HandposeError, match=r"--size.*'huge'"):
        _sources(table, wish(data="rhd=R,stb=S,rhtd=T", number="2.1", size="huge"), work)
