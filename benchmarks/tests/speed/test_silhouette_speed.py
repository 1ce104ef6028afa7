import sys

import pytest
import torch

from handpose_benchmarks.speed import silhouette
from handpose_benchmarks.speed.figure import Figure, Skipped
from handpose_benchmarks.speed.scene import posed_hands
from handpose_core.render import EdgeSilhouette


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silhouette, "BATCH", 2)
    monkeypatch.setattr(silhouette, "VERTICES", 1610)  # the packaged rig's own
    monkeypatch.setattr(silhouette, "rate", lambda work, items: (work(), 50.0)[1])


@pytest.mark.usefixtures("_small")
def test_a_missing_peer_is_named_and_ours_still_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deodr", None)
    monkeypatch.delitem(sys.modules, "handpose_benchmarks.speed.deodr", raising=False)
    edge, soft, peer = silhouette.measure()
    assert isinstance(edge, Figure)
    assert isinstance(soft, Figure)
    assert isinstance(peer, Skipped)
    assert "deodr" in peer.reason


@pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors:DeprecationWarning")  # in DEODR
@pytest.mark.usefixtures("_small")
def test_the_peer_draws_the_same_hands_and_pulls_the_same_way() -> None:
    pytest.importorskip("deodr", reason="DEODR is not installed: no peer here")
    from handpose_benchmarks.speed.deodr import DeodrSilhouette

    scene = posed_hands(2, silhouette.SIZE)
    vertices, gradient = silhouette.in_pixels(scene), silhouette.smooth_gradient()
    ours = EdgeSilhouette().draw(vertices, torch.from_numpy(scene.faces), (silhouette.SIZE, silhouette.SIZE))
    hand = vertices[0].double().numpy()
    peer = DeodrSilhouette(scene.faces, len(hand), silhouette.SIZE)
    theirs, _ = peer.draw(hand[:, :2].copy(), hand[:, 2].copy(), gradient[0, 0].double().numpy())
    # theirs fades over a pixel outside of the outline, ours about it: half a pixel of the outline apart
    assert (ours[0, 0].numpy() - theirs).mean() == pytest.approx(0, abs=0.015)
    inside, covered = theirs > 0.99, ours[0, 0].numpy() > 0.5
    assert (inside & covered).sum() / (inside | covered).sum() > 0.97
    ratio, agreement = silhouette.measure()[-2:]
    assert isinstance(ratio, Figure)
    assert isinstance(agreement, Figure)
    assert agreement.value > 0.8
