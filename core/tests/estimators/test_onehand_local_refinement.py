import torch

from handpose_core.estimators.onehand.local_refinement import LocalRefinement, window_grid


def test_windows_show_what_lies_around_each_joint_and_beyond_the_crop_nothing():
    cells = 8
    fine = torch.arange(64.0).reshape(1, 1, 8, 8)
    centre = (2 * torch.tensor([5.0, 2.0]) + 1) / cells - 1  # of the cell in column 5, row 2
    place = torch.stack([centre, torch.full((2,), -1 + 1 / cells)])[None]
    seen = torch.nn.functional.grid_sample(fine, window_grid(place, 3, cells), align_corners=False)
    assert torch.allclose(seen[0, 0, 0], torch.tensor([12.0, 13, 14, 20, 21, 22, 28, 29, 30]), atol=1e-4)
    assert torch.allclose(seen[0, 0, 1], torch.tensor([0.0, 0, 0, 0, 0, 1, 0, 8, 9]), atol=1e-4)


def test_local_refinement_learns_places_within_a_coarse_cell():
    torch.manual_seed(0)
    look = LocalRefinement(1, 4, 8, window=7, width=16)
    optimizer = torch.optim.Adam(look.parameters(), lr=5e-3)

    def off(count):
        """How far off, in cells of 32, joints are whose places seemed to be up to two cells off."""
        truth = 6 + 20 * torch.rand(count, 2)
        seem = truth + 4 * torch.rand(count, 2) - 2
        axis = torch.arange(32.0)
        away = (axis[None, :, None] - truth[:, 1, None, None]) ** 2 + (axis[None, None] - truth[:, 0, None, None]) ** 2
        fine, joined = torch.exp(-away / 2)[:, None], torch.zeros(count, 4, 16, 16)
        place = ((2 * seem + 1) / 32 - 1)[:, None].expand(-1, 21, -1)
        shift = look(torch.zeros(count, 21, 16), place, fine, joined)[1][:, 0] * 16
        return (shift - (truth - seem)).abs().mean()

    before = off(256).item()
    for _ in range(150):
        optimizer.zero_grad()
        off(64).backward()
        optimizer.step()
    look.eval()
    assert 0.8 < before < 1.2  # it begins by leaving joints where they seem to be
    assert off(256).item() < 0.3
