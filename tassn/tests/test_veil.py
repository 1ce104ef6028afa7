"""Veiled frames: so many, in these ways, and only in training."""

import pytest
import torch
from tassn.tests.test_tassn_objectives import loader, trainer
from tassn.tests.tiny import SIZES

from handpose_tassn.module import TASSNModule
from handpose_tassn.objectives import EndToEnd
from handpose_tassn.veil import Veil


def checkerboard():
    """Clips whose every cell differs from its neighbours and from its blur."""
    cells = (torch.arange(16)[:, None] + torch.arange(16)) % 2
    return (0.25 + 0.5 * cells).expand(64, 4, 3, 16, 16).clone()


def test_so_many_frames_are_veiled_and_the_others_left() -> None:
    torch.manual_seed(0)
    images = checkerboard()
    changed = (Veil(0.5).over(images) != images).flatten(2).any(-1)
    assert 0.4 < changed.float().mean() < 0.6
    assert (changed.any(1) & ~changed.all(1)).float().mean() > 0.7  # frames of a clip fare differently
    assert torch.equal(Veil(0.0).over(images), images)


def test_frames_are_covered_in_part_blurred_or_lost() -> None:
    torch.manual_seed(0)
    images = checkerboard()
    veiled = Veil(1.0).over(images)
    hidden = (veiled != images).all(2).float().mean((-1, -2))
    flat = (veiled.flatten(-2).std(-1) < 1e-6).all(-1)
    # two by two cells are 0.5 on average: blurred frames are grey, lost ones of any colour
    blurred = ((veiled - 0.5).abs() < 1e-5).flatten(2).all(-1)
    lost, covered = flat & ~blurred, ~flat
    for kind in (lost, blurred, covered):
        assert 0.2 < kind.float().mean() < 0.5
    assert (hidden[lost | blurred] == 1).all()
    assert 0.3**2 * 0.5 < hidden[covered].mean() < 0.7**2


@pytest.mark.filterwarnings("ignore")  # Lightning's own, of a whole run
def test_training_sees_veiled_clips_and_validation_does_not(clips, monkeypatch) -> None:
    seen = []
    measure = TASSNModule.measure

    def watched(self, images, *rest, **options):
        seen.append((self.training, images.clone()))
        return measure(self, images, *rest, **options)

    monkeypatch.setattr(TASSNModule, "measure", watched)
    module = TASSNModule(**SIZES, objective=EndToEnd(silhouette=None), veil=Veil(1.0))
    trainer().fit(module, loader(clips), loader(clips))
    trained, validated = (torch.cat([images for training, images in seen if training == way]) for way in (True, False))
    originals = clips["image"]
    assert not any(torch.equal(one, each) for one in trained for each in originals)
    assert all(any(torch.equal(one, each) for each in originals) for one in validated)
    assert "Veil(share=1.0)" in module.describe()["veil"]
    assert "veil" not in TASSNModule(**SIZES).describe()
