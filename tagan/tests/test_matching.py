"""Pose matching against the definition (2.4), (2.5): all pairwise differences, and the best g by least squares."""

import itertools

import numpy as np
import pytest
import torch

from handpose_core.errors import HandposeError
from handpose_tagan.superposition.matching import Affine, PoseIndex, Similarity

PAIRS = np.array(list(itertools.combinations(range(21), 2)))


def hands(count: int, seed: int = 0) -> torch.Tensor:
    """(count, 21, 2) px: hands of random shapes, far from the origin."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 21, 2, generator=generator).cumsum(1) * 10 + 200


def features(points: np.ndarray, present: np.ndarray) -> np.ndarray:
    """(2.5), of the joints that are present."""
    pairs = PAIRS[present[PAIRS].all(1)]
    return (points[pairs[:, 0]] - points[pairs[:, 1]]).ravel()


def best_map(pose: np.ndarray, query: np.ndarray, present: np.ndarray, columns: str) -> np.ndarray:
    """The map nearest to the query over the joints present, by numpy's least squares: rows of a 2 x 3 matrix."""
    x, y = pose[present].T
    one, zero = np.ones_like(x), np.zeros_like(x)
    if columns == "similarity":  # a, b, tx, ty of [[a, -b], [b, a]]
        design = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
        a, b, tx, ty = np.linalg.lstsq(design, query[present].T.ravel(), rcond=None)[0]
        return np.array([[a, -b, tx], [b, a, ty]])
    design = np.stack([x, y, one], 1)
    return np.linalg.lstsq(design, query[present], rcond=None)[0].T


def score(pose: np.ndarray, query: np.ndarray, present: np.ndarray, g: np.ndarray) -> float:
    """(2.4)."""
    f, h = features(pose @ g[:, :2].T + g[:, 2], present), features(query, present)
    return float(f @ h / np.linalg.norm(f) / np.linalg.norm(h))


def some_missing(count: int, seed: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randperm(21, generator=generator) >= missing for missing in range(count)])


@pytest.mark.parametrize(("name", "family"), [("similarity", Similarity()), ("affine", Affine(1e9))])
@pytest.mark.parametrize("complete", [True, False])
def test_it_finds_what_brute_force_finds(name, family, complete, monkeypatch):
    monkeypatch.setattr("handpose_tagan.superposition.matching.BLOCK", 40)  # several blocks
    poses, queries = hands(150), hands(8, seed=1)
    present = torch.ones(8, 21, dtype=torch.bool) if complete else some_missing(8)
    found = PoseIndex(poses).match(queries, None if complete else present, k=5, family=family)
    for number in range(8):
        query, there = queries[number].double().numpy(), present[number].numpy()
        maps = [best_map(pose, query, there, name) for pose in poses.double().numpy()]
        scores = np.array(
            [
                score(pose, query, there, g) if np.linalg.det(g[:, :2]) > 0 else -1.0
                for pose, g in zip(poses.double().numpy(), maps, strict=True)
            ]
        )
        best = np.argsort(-scores)[:5]
        assert found.indices[number].tolist() == best.tolist()
        np.testing.assert_allclose(found.scores[number], scores[best], atol=1e-5)
        np.testing.assert_allclose(found.maps[number, :, :2], np.array(maps)[best], rtol=1e-3, atol=2e-2)


def test_the_best_map_has_the_greatest_cosine():
    """The closed form is a maximum: no other similarity or affine map near it scores higher."""
    poses, query = hands(1), hands(1, seed=1)
    everything = np.ones(21, bool)
    rng = np.random.default_rng(0)
    for family in (Similarity(), Affine(1e9)):
        found = PoseIndex(poses).match(query, family=family)
        if found.indices[0, 0] < 0:
            continue
        g = found.maps[0, 0, :2].double().numpy()
        for _ in range(50):
            step = rng.normal(size=(2, 2)) * 0.05
            if isinstance(family, Similarity):
                step = np.array([[step[0, 0], -step[0, 1]], [step[0, 1], step[0, 0]]])
            other = g.copy()
            other[:, :2] = g[:, :2] @ (np.eye(2) + step)
            assert score(poses[0].double().numpy(), query[0].double().numpy(), everything, other) <= (
                float(found.scores[0, 0]) + 1e-5
            )


def test_a_moved_turned_and_scaled_pose_is_found_with_its_map():
    poses = hands(1000)
    turn = np.radians(70)
    g = torch.tensor([[1.7 * np.cos(turn), -1.7 * np.sin(turn), 31], [1.7 * np.sin(turn), 1.7 * np.cos(turn), -12]])
    query = (poses[417].double() @ g[:, :2].T + g[:, 2]).float()[None]
    query[0, [3, 8, 15]] = torch.nan
    present = torch.ones(1, 21, dtype=torch.bool)
    present[0, [3, 8, 15]] = False
    for family in (Similarity(), Affine()):
        found = PoseIndex(poses).match(query, present, family=family)
        assert found.indices.tolist() == [[417]]
        assert found.scores.item() == pytest.approx(1, abs=1e-5)
        torch.testing.assert_close(found.maps[0, 0, :2].double(), g, rtol=1e-4, atol=1e-2)


def test_a_reflection_and_a_flattened_hand_are_no_match_by_affine_maps():
    pose = hands(1)
    mirrored = pose * torch.tensor([-1.0, 1.0])
    flattened = pose * torch.tensor([1.0, 0.3])
    index = PoseIndex(pose)
    for query in (mirrored, flattened):
        found = index.match(query, family=Affine())
        assert found.indices.item() == -1
        assert found.scores.item() == -1
        assert found.maps.isnan().all()
    assert index.match(flattened, family=Affine(4.0)).scores.item() == pytest.approx(1, abs=1e-5)
    assert index.match(mirrored).scores.item() < 0.999  # the best turned one is not it


def test_poses_that_cannot_be_told_are_refused():
    index = PoseIndex(hands(4))
    present = torch.ones(2, 21, dtype=torch.bool)
    present[1, 11:] = False
    with pytest.raises(HandposeError, match=r"query 1: found 11 keypoints; expected at least 12"):
        index.match(hands(2), present)
    with pytest.raises(HandposeError, match=r"query 0: found keypoints not finite"):
        index.match(hands(1) * torch.nan)
    with pytest.raises(HandposeError, match=r"expected 1 to 4, the number of poses"):
        index.match(hands(1), k=5)
    with pytest.raises(HandposeError, match=r"pose 2: found joints that are not finite"):
        PoseIndex(hands(3).index_fill(0, torch.tensor([2]), torch.nan))
    with pytest.raises(HandposeError, match=r"pose 0: found joints that are not finite, or all in one place"):
        PoseIndex(torch.ones(1, 21, 2))
    with pytest.raises(HandposeError, match="found no pose"):
        PoseIndex(torch.zeros(0, 21, 2))
