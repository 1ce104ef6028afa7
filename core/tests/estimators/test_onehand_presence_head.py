import torch
from core.tests.estimators.small_onehand import SMALL

from handpose_core.estimators.onehand.network import OneHandNetwork
from handpose_core.estimators.onehand.presence_head import Verdict, signs_of, verdict_loss


def some_signs(count: int, sharp: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Signs of pictures whose joints are found as sharply as is said, and first looks that know nothing."""
    means = 48 * torch.rand(count, 21, 2)
    there = torch.randn(count)
    scores = (sharp + 0.1 * torch.randn(count, 21)).clamp(0, 1)
    return signs_of(means, means + torch.rand(count, 21, 2), scores, torch.randn(count, 2), there, 48), there


def test_an_untrained_verdict_is_the_first_looks():
    network = OneHandNetwork(SMALL, 3).eval()
    read = network.reader(torch.rand(3, 3, 48, 48))
    there = torch.tensor([-2.0, 0.0, 3.0])
    assert torch.allclose(network.judge(read, torch.randn(3, 2), there), there)


def test_the_order_of_a_picture_and_its_mirror_image_says_nothing():
    network = OneHandNetwork(SMALL, 3).eval()
    torch.nn.init.normal_(network.verdict.layers[-1].weight)
    read, there = network.reader(torch.rand(3, 3, 48, 48)), torch.randn(3)
    rights = torch.randn(3, 2)
    assert torch.equal(network.judge(read, rights, there), network.judge(read, rights.flip(1), there))


def test_it_learns_to_tell_sharp_joints_from_blurred_ones_and_leaves_out_what_is_not_known():
    torch.manual_seed(0)
    verdict = Verdict()
    optimizer = torch.optim.Adam(verdict.parameters(), lr=1e-2)
    truth = torch.arange(64) < 32
    known = torch.ones(64, dtype=torch.bool)
    known[[5, 40]] = False
    for _ in range(40):
        (sharp, first), (blurred, second) = some_signs(32, 0.8), some_signs(32, 0.5)
        said = verdict(torch.cat([sharp, blurred]), torch.cat([first, second]))
        wrong = truth.clone()
        wrong[[5, 40]] = ~truth[[5, 40]]
        assert torch.equal(verdict_loss(said, truth, known), verdict_loss(said, wrong, known))
        optimizer.zero_grad()
        verdict_loss(said, truth, known).backward()
        optimizer.step()
    verdict.eval()
    (sharp, first), (blurred, second) = some_signs(200, 0.8), some_signs(200, 0.5)
    assert (verdict(sharp, first) > 0).float().mean() > 0.95
    assert (verdict(blurred, second) < 0).float().mean() > 0.95
