import pickle

import pytest
import torch
from jsonargparse import ArgumentParser
from torch import nn

from handpose_core.errors import HandposeError
from handpose_tassn.flow import DISFlow, Flow, NetworkFlow


def texture(seed: int = 0) -> torch.Tensor:
    noise = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(noise, size=(112, 112), mode="bicubic").clamp(0, 1)


def shifted_pair() -> tuple[torch.Tensor, torch.Tensor]:
    """What is at (x, y) in the first is at (x + 3, y - 2) in the second."""
    whole = torch.cat([texture(0), texture(1)])
    return whole[..., 8:104, 8:104], whole[..., 10:106, 5:101]


def test_dis_finds_a_shift_both_ways():
    ahead, back = DISFlow().both_ways(*shifted_pair())
    for flow, shift in ((ahead, (3.0, -2.0)), (back, (-3.0, 2.0))):
        middle = flow[..., 20:-20, 20:-20]
        assert middle.mean((0, 2, 3)).tolist() == pytest.approx(shift, abs=0.15)


def test_dis_is_chosen_by_name_and_travels_to_other_processes():
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--flow", type=Flow)
    made = parser.instantiate(parser.parse_args(["--flow", "DISFlow", "--flow.preset", "fast"])).flow
    first, second = shifted_pair()
    made.estimate(first, second)
    sent = pickle.loads(pickle.dumps(made))
    assert torch.equal(sent.estimate(first, second), made.estimate(first, second))


def test_what_dis_cannot_do_is_told():
    with pytest.raises(HandposeError, match=r"'best'; expected one of ultrafast, fast, medium"):
        DISFlow("best")
    with pytest.raises(HandposeError, match="at least 16 x 16"):
        DISFlow().estimate(torch.rand(1, 3, 12, 40), torch.rand(1, 3, 12, 40))
    with pytest.raises(HandposeError, match="frames of one size"):
        DISFlow().both_ways(torch.rand(1, 3, 40, 40), torch.rand(1, 3, 40, 48))


class Means(nn.Module):
    """Gives the means of red of the images it was handed, as RAFT in a list of refinements."""

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> list[torch.Tensor]:
        one, two = first[:, :1].mean((2, 3), True), second[:, :1].mean((2, 3), True)
        flow = torch.cat([one, two], 1).expand(-1, 2, first.shape[2], first.shape[3])
        return [flow * 0, flow]


class Halved(nn.Module):
    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return (first - second)[:, :2, ::2, ::2]


def saved(network: nn.Module, path) -> str:
    if path.suffix == ".pt2":
        torch.export.save(torch.export.export(network, (torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32))), path)
    else:
        torch.jit.save(torch.jit.script(network), path)
    return str(path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["raft.pt", "raft.pt2"])
def test_a_network_by_path_gives_its_last_refinement_of_scaled_images(tmp_path, name):
    flow = NetworkFlow(saved(Means(), tmp_path / name), low=0.0, high=255.0)
    first, second = torch.full((1, 3, 32, 32), 0.2), torch.full((1, 3, 32, 32), 0.6)
    ahead, back = flow.both_ways(first, second)
    assert ahead[0, :, 5, 7].tolist() == pytest.approx([51, 153], rel=1e-5)
    assert back[0, :, 5, 7].tolist() == pytest.approx([153, 51], rel=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_networks_that_do_not_fit_are_told(tmp_path):
    pair = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    with pytest.raises(HandposeError, match="no such file"):
        NetworkFlow(tmp_path / "none.pt")
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(HandposeError, match="not a state_dict"):
        NetworkFlow(tmp_path / "weights.pt")
    with pytest.raises(HandposeError, match=r"shape \(1, 2, 16, 16\).*expected floats of shape \(1, 2, 32, 32\)"):
        NetworkFlow(saved(Halved(), tmp_path / "halved.pt")).estimate(*pair)
    with pytest.raises(HandposeError, match=r"a failure on images of \(1, 3, 32, 32\)"):
        NetworkFlow(saved(nn.Conv2d(3, 2, 1), tmp_path / "one_input.pt")).estimate(*pair)
