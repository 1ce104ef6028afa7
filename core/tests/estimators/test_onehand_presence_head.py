import torch
from core.tests.estimators.small_onehand import SMALL

from handpose_core.estimators.onehand.canonical_crop import OrientedBox
from handpose_core.estimators.onehand.estimator import HandEstimator, HandViews
from handpose_core.estimators.onehand.hand_detector import Detection
from handpose_core.estimators.onehand.presence_head import PresenceHead, presence_features, presence_loss


def some_features(count: int, sharp: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of images of given sharpness, and random logits of the detector."""
    means = 48 * torch.rand(count, 21, 2)
    there = torch.randn(count)
    scores = (sharp + 0.1 * torch.randn(count, 21)).clamp(0, 1)
    return presence_features(means, means + torch.rand(count, 21, 2), scores, torch.randn(count, 2), there, 48), there


def views(network: HandEstimator, presence: torch.Tensor) -> HandViews:
    """Predictions of random crops and their mirror images, with given logits of the detector."""
    box = OrientedBox(torch.zeros(3, 2), torch.ones(3), torch.zeros(3, 2))
    as_is, mirrored = (network.pose_network(torch.rand(3, 3, 48, 48)) for _ in range(2))
    return HandViews(Detection(presence, box), as_is, mirrored)


def test_an_untrained_presence_head_returns_the_detectors_logit():
    network, presence = HandEstimator(SMALL, "anny").eval(), torch.tensor([-2.0, 0.0, 3.0])
    seen = views(network, presence)
    assert torch.allclose(network.presence_logits(seen, seen.as_is), presence)


def test_the_order_of_a_crop_and_its_mirror_image_changes_nothing():
    network = HandEstimator(SMALL, "anny").eval()
    torch.nn.init.normal_(network.presence_head.layers[-1].weight)
    seen = views(network, torch.randn(3))
    swapped = seen._replace(
        as_is=seen.as_is._replace(right=seen.mirrored.right), mirrored=seen.mirrored._replace(right=seen.as_is.right)
    )
    logits = network.presence_logits(seen, seen.as_is)
    assert torch.equal(logits, network.presence_logits(swapped, seen.as_is))


def test_it_separates_sharp_heatmaps_from_blurred_ones_and_ignores_unknown_samples():
    torch.manual_seed(0)
    head = PresenceHead()
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    truth = torch.arange(64) < 32
    known = torch.ones(64, dtype=torch.bool)
    known[[5, 40]] = False
    for _ in range(40):
        (sharp, first), (blurred, second) = some_features(32, 0.8), some_features(32, 0.5)
        said = head(torch.cat([sharp, blurred]), torch.cat([first, second]))
        wrong = truth.clone()
        wrong[[5, 40]] = ~truth[[5, 40]]
        assert torch.equal(presence_loss(said, truth, known), presence_loss(said, wrong, known))
        optimizer.zero_grad()
        presence_loss(said, truth, known).backward()
        optimizer.step()
    head.eval()
    (sharp, first), (blurred, second) = some_features(200, 0.8), some_features(200, 0.5)
    assert (head(sharp, first) > 0).float().mean() > 0.95
    assert (head(blurred, second) < 0).float().mean() > 0.95
