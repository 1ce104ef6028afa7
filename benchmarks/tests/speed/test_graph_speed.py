import sys
import warnings

import pytest
import torch

from handpose_benchmarks.speed import graph
from handpose_benchmarks.speed.figure import Figure, Skipped


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"VERTICES": 1700, "BATCH": 2, "WIDTH": 4, "LAYERS": 2, "ROUNDS": 1}.items():
        monkeypatch.setattr(graph, name, value)
    monkeypatch.setattr(graph, "rate", once)


def once(work, items, seconds=0.0) -> float:
    work()
    return float(items)


def test_without_the_peer_ours_is_measured_and_the_peer_named(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_geometric", None)
    ours, peer = graph.measure()
    assert isinstance(ours, Figure)
    assert ours.value == 1
    assert isinstance(peer, Skipped)
    assert "torch_geometric" in peer.reason


def test_both_are_the_same_network(small: None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own imports use what torch has deprecated
        pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: no peer here")
    torch.manual_seed(0)
    ours = graph.OurStack()
    for conv in ours.convs:
        torch.nn.init.normal_(conv.bias)
    difference = graph.largest_difference(ours, graph.PeersStack(ours), torch.randn(1700, 2, 4))
    assert difference < graph.AGREEMENT
    first, second, ratio, agreement = graph.measure()
    assert first.value == second.value == ratio.value == 1
    assert agreement.met
