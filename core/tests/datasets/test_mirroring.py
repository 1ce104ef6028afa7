"""Mirror images of samples, batches and groups of views: labels stay on the picture, and cameras see one hand."""

import torch

from handpose_core.camera import project
from handpose_core.datasets.mirroring import mirror_pixel_rows, mirror_rows, mirror_sample
from handpose_core.hand import Side


def sample(views=2):
    """Two cameras that look at one hand of whole-numbered coordinates, each with a K of its own."""
    generator = torch.Generator().manual_seed(0)
    world = torch.randint(-40, 40, (21, 3), generator=generator).float()
    turn = torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    R, t = torch.stack([torch.eye(3), turn])[:views], torch.tensor([[0.0, 0, 400], [8, -4, 500]])[:views]
    K = torch.tensor([[[256.0, 0, 30], [0, 256, 40], [0, 0, 1]], [[128.0, 0, 20], [0, 128, 24], [0, 0, 1]]])[:views]
    joints = world @ R.mT + t[:, None]
    return {
        "image": torch.rand(views, 3, 48, 64, generator=generator), "mask": torch.rand(views, 1, 48, 64) > 0.5,
        "depth": torch.rand(views, 1, 48, 64), "joints_3d": joints, "vertices": joints + 1,
        "joints_2d": project(joints, K), "K": K, "R": R, "t": t, "annotated": torch.ones(views, 21, dtype=torch.bool),
        "side": torch.full((views,), int(Side.LEFT)), "index": torch.arange(views),
        "mirrored": torch.zeros(views, dtype=torch.bool),
    }  # fmt: skip


def test_pictures_labels_and_cameras_stay_together():
    before = sample()
    after = mirror_sample(before, torch.tensor([True, True]))
    torch.testing.assert_close(project(after["joints_3d"], after["K"]), after["joints_2d"])
    assert torch.equal(after["image"][..., 10], before["image"][..., 53])
    assert torch.equal(after["joints_2d"][..., 0], 63 - before["joints_2d"][..., 0])
    assert torch.equal(after["vertices"] - after["joints_3d"], torch.tensor([-1.0, 1, 1]).expand(2, 21, 3))
    assert after["side"].tolist() == [Side.RIGHT, Side.RIGHT]
    assert after["mirrored"].all()
    assert torch.equal(after["annotated"], before["annotated"])


def test_mirrored_cameras_still_see_one_hand():
    after = mirror_sample(sample(), torch.tensor([True, True]))
    worlds = (after["joints_3d"] - after["t"][:, None]) @ after["R"]
    assert torch.equal(worlds[0], worlds[1])
    assert torch.equal(torch.linalg.det(after["R"]), torch.ones(2))


def test_rows_that_are_not_chosen_stay_and_a_second_mirror_brings_the_others_back():
    before, which = sample(), torch.tensor([False, True])
    after = mirror_sample(before, which)
    assert all(torch.equal(after[key][0], before[key][0]) for key in before)
    assert not torch.equal(after["image"][1], before["image"][1])
    again = mirror_sample(after, which)
    assert all(torch.equal(again[key], before[key]) for key in before if key != "joints_2d")
    torch.testing.assert_close(again["joints_2d"], before["joints_2d"])


def test_a_single_sample_needs_no_axis():
    before = {key: value[0] for key, value in sample().items()}
    after = mirror_sample(before, torch.tensor(True))
    assert torch.equal(after["K"], torch.tensor([[256.0, 0, 33], [0, 256, 40], [0, 0, 1]]))


def test_rows_of_points():
    points, which = torch.arange(12.0).view(2, 2, 3), torch.tensor([True, False])
    assert mirror_rows(points, which).tolist() == [[[0, 1, 2], [-3, 4, 5]], points[1].tolist()]
    assert mirror_pixel_rows(points[..., :2], which, 10)[..., 0].tolist() == [[9, 6], [6, 9]]
