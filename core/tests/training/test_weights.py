import pytest
import torch
from torch import nn

from handpose_core.errors import HandposeError
from handpose_core.training.weights import take_weights

pytestmark = pytest.mark.filterwarnings(
    "ignore:The .* does not have many workers", "ignore:The number of training batches", "ignore::DeprecationWarning"
)


def _module(**parts: nn.Module) -> nn.Module:
    return nn.ModuleDict(parts)


def _checkpoint(path, module):
    torch.save({"state_dict": module.state_dict()}, path)
    return path


def test_weights_are_taken_by_name_and_the_rest_is_told(tmp_path):
    earlier = _module(pose=nn.Linear(2, 3), norm=nn.BatchNorm1d(3), critic=nn.Linear(1, 1))
    earlier["norm"].running_mean.fill_(7)
    later = _module(pose=nn.Linear(2, 3), norm=nn.BatchNorm1d(3), depth=nn.Linear(4, 4))
    fresh = later["depth"].weight.clone()
    taken = take_weights(later, _checkpoint(tmp_path / "a.ckpt", earlier))
    assert torch.equal(later["pose"].weight, earlier["pose"].weight)
    assert later["norm"].running_mean.tolist() == [7, 7, 7]
    assert torch.equal(later["depth"].weight, fresh)
    assert str(taken).startswith("weights: 7 of 9 tensors from ")
    assert str(taken).endswith("a.ckpt; fresh: depth (2); left out: critic (2)")


def test_another_shape_is_named(tmp_path):
    path = _checkpoint(tmp_path / "a.ckpt", _module(pose=nn.Linear(2, 3)))
    with pytest.raises(HandposeError, match=r"pose\.weight: found a tensor of 3x2; expected 3x5, as the module"):
        take_weights(_module(pose=nn.Linear(5, 3)), path)


def test_nothing_in_common(tmp_path):
    path = _checkpoint(tmp_path / "a.ckpt", _module(pose=nn.Linear(2, 3)))
    with pytest.raises(HandposeError, match=r"none of the module's 2 tensors, but pose \(2\); expected some of depth"):
        take_weights(_module(depth=nn.Linear(2, 3)), path)


def test_fit_starts_from_the_weights_and_from_the_first_epoch(tiny, trained, tmp_path, capsys):
    best = trained / "fit" / "checkpoints" / "best.ckpt"
    still = ("--optimizer.lr", "0")
    options = ("--config", "tiny", "--init_from", str(best), "--run_dir", "next", "--model.optimizer", "SGD")
    assert tiny("fit", *options, f"--model.{still[0][2:]}", still[1]) == 0
    before, after = (
        torch.load(run / "fit/checkpoints/last.ckpt", weights_only=True) for run in (trained, tmp_path / "next")
    )
    assert torch.equal(before["state_dict"]["network.pose"], after["state_dict"]["network.pose"])
    assert after["epoch"] == 0
    assert "weights: 5 of 5 tensors from" in capsys.readouterr().out
    assert before["handpose_history"] == after["handpose_history"]  # the same again is told once
    assert len(after["handpose_history"]) == 1
    assert f"init_from: {best}" in (tmp_path / "next/fit/config.yaml").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--init_from", "no.ckpt"], "--init_from no.ckpt: found no such file"),
        (["--init_from", "{best}", "--ckpt_path", "{best}"], "--init_from, --ckpt_path: found both"),
        (["--init_from", "{best}", "--model.width", "5"], "network.pose: found a tensor of 21x4; expected 21x5"),
    ],
)
def test_what_cannot_be_taken_is_one_message(tiny, trained, capsys, options, message):
    best = str(trained / "fit" / "checkpoints" / "best.ckpt")
    given = [option.format(best=best) for option in options]
    assert tiny("fit", "--config", "tiny", "--run_dir", "next", *given) == 2
    assert message in capsys.readouterr().err
