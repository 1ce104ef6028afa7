"""Silhouettes against supersampled coverage, finite differences, analytic shapes, and fits that have to move."""

import pytest
import torch
import trimesh
from jsonargparse import ArgumentParser
from torch.nn.functional import avg_pool2d, max_pool2d

from handpose_core.camera import project
from handpose_core.errors import HandposeError
from handpose_core.render import EdgeSilhouette, Silhouette, SoftSilhouette, pyramid_loss, rasterise
from handpose_core.rig import HandRig

K = torch.tensor([[300.0, 0, 63.5], [0, 300.0, 63.5], [0, 0, 1]])
SIZE = 128
METHODS = pytest.mark.parametrize("silhouette", [EdgeSilhouette(), SoftSilhouette(1.0)], ids=["edge", "soft"])


def in_pixels(vertices: torch.Tensor) -> torch.Tensor:
    return torch.cat([project(vertices, K.expand(len(vertices), 3, 3)), vertices[..., 2:]], dim=-1)


def placed(mesh: trimesh.Trimesh, turn: float = 0.4) -> tuple[torch.Tensor, torch.Tensor]:
    """In px, turned about x and y, off the middle and off the pixel grid."""
    rotation = trimesh.transformations.euler_matrix(turn, 1.3 * turn, 0.2)[:3, :3]
    vertices = torch.tensor(mesh.vertices @ rotation.T + [7.3, -4.1, 450.0], dtype=torch.float32)
    return in_pixels(vertices[None]), torch.tensor(mesh.faces)


def cup() -> trimesh.Trimesh:
    """Half a sphere, open: the inside is seen as well."""
    ball = trimesh.creation.icosphere(4, 60)
    ball.update_faces(ball.triangles_center[:, 1] > 0)
    ball.remove_unreferenced_vertices()
    return ball


def hand() -> trimesh.Trimesh:
    """A hand at rest: fingers beside and before each other once it is turned."""
    rig = HandRig()
    surface = trimesh.Trimesh(rig.data.vertices, rig.data.faces, process=False)
    surface.apply_translation(-surface.bounds.mean(0))
    return surface


SHAPES = {
    "ball": (trimesh.creation.icosphere(4, 60), 0.4),
    "ring": (trimesh.creation.torus(50, 18), 0.5),
    "cup": (cup(), 0.9),
    "cup from behind": (cup(), 2.6),
    "hand": (hand(), 0.3),
    "hand from the side": (hand(), 1.2),
}
ALL_SHAPES = pytest.mark.parametrize(("mesh", "turn"), SHAPES.values(), ids=SHAPES.keys())


def supersampled(vertices: torch.Tensor, faces: torch.Tensor, times: int = 8) -> torch.Tensor:
    pixels = (vertices[..., :2] + 0.5) * times - 0.5
    fine = rasterise(pixels, vertices[..., 2], faces, SIZE * times, SIZE * times, two_sided=True).mask()
    return avg_pool2d(fine[:, None].float(), times)


@ALL_SHAPES
def test_coverage_is_that_of_supersampling(mesh, turn):
    vertices, faces = placed(mesh, turn)
    # 24 samples a side: between 8 there is room for slivers of a fingertip
    true, drawn = supersampled(vertices, faces, 24), EdgeSilhouette().draw(vertices, faces, (SIZE, SIZE))
    edge = max_pool2d(((true > 0) & (true < 1)).float(), 3, 1, 1) > 0
    assert (drawn == true)[~edge].float().mean() > 0.9999  # but for slivers between the samples
    assert (drawn - true)[edge].abs().mean() < 0.02  # hard coverage is 0.15 off
    assert drawn.sum().item() == pytest.approx(true.sum().item(), rel=2e-3)


@ALL_SHAPES
def test_gradient_is_that_of_finite_differences(mesh, turn):
    """Of the coverage, weighed by a smooth picture, along motions and a smooth deformation of the mesh."""
    vertices, faces = placed(mesh, turn)
    ramp = torch.linspace(-1, 1, SIZE)
    weight = (1.5 + ramp[:, None].sin() + (2 * ramp).cos() * ramp[:, None]).expand(1, 1, SIZE, SIZE)
    leaf = vertices.clone().requires_grad_()
    (EdgeSilhouette().draw(leaf, faces, (SIZE, SIZE)) * weight).sum().backward()
    centred = vertices[..., :2] - vertices[..., :2].mean(1, keepdim=True)
    directions = [
        torch.tensor([1.0, 0]).expand_as(centred), torch.tensor([0, 1.0]).expand_as(centred), centred / 30,
        centred.flip(-1) * torch.tensor([1.0, -1]) / 30, (centred / 12).sin(),
    ]  # fmt: skip
    for direction in directions:
        moved = [vertices + step * torch.nn.functional.pad(direction, (0, 1)) for step in (0.5, -0.5)]
        ahead, behind = ((supersampled(m, faces) * weight).sum().item() for m in moved)
        parts = leaf.grad[..., :2] * direction
        along, whole = parts.sum().item(), parts.abs().sum().item()
        assert along == pytest.approx(ahead - behind, abs=0.03 * whole)


@METHODS
def test_hidden_and_inner_edges_neither_show_nor_pull(silhouette):
    wall = torch.tensor([[[20.3, 20, 500], [100, 22, 500], [100, 90.2, 500], [19, 90, 500]]])
    patch = torch.tensor([[[40.3, 40, 400], [70, 42, 400], [60, 70.2, 400]]])  # before it
    faces = torch.tensor([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 5]])
    both = torch.cat([wall, patch], dim=1).requires_grad_()
    drawn = silhouette.draw(both, faces, (SIZE, SIZE))
    assert torch.equal(drawn, silhouette.draw(wall, faces[:2], (SIZE, SIZE)))
    (drawn * torch.rand(SIZE, SIZE)).sum().backward()
    assert both.grad[:, 4:].abs().max() == 0
    assert both.grad[:, :4, :2].abs().min() > 0
    assert both.grad[..., 2].abs().max() == 0  # depth moves no outline


def test_a_square_covers_its_share_of_each_pixel_and_a_side_gets_its_length():
    left, right, top, bottom = 10.2, 30.7, 9.9, 40.4
    corners = torch.tensor([[[left, top], [right, top], [right, bottom], [left, bottom]]])
    vertices = torch.nn.functional.pad(corners, (0, 1)).requires_grad_()
    drawn = EdgeSilhouette().draw(vertices, torch.tensor([[0, 1, 2], [0, 2, 3]]), (SIZE, SIZE))[0, 0]
    # pixel 10 spans 9.5 to 10.5, of which 10.2 to 10.5 is covered
    assert drawn[20, 8:13].tolist() == pytest.approx([0, 0, 0.3, 1, 1], abs=1e-5)
    assert drawn[20, 29:33].tolist() == pytest.approx([1, 1, 0.2, 0], abs=1e-5)
    assert drawn[8:12, 20].tolist() == pytest.approx([0, 0, 0.6, 1], abs=1e-5)
    assert drawn[39:42, 20].tolist() == pytest.approx([1, 0.9, 0], abs=1e-5)
    drawn.sum().backward()
    # a side that moves by a pixel sweeps its length, of which each end carries about a half
    assert vertices.grad[0, [1, 2], 0].sum().item() == pytest.approx(bottom - top, abs=1)
    assert vertices.grad[0, [0, 3], 0].sum().item() == pytest.approx(top - bottom, abs=1)
    assert vertices.grad[0, [2, 3], 1].sum().item() == pytest.approx(right - left, abs=1)


def test_soft_coverage_of_a_disc_is_the_sigmoid_of_its_distance():
    angle = torch.arange(720) * torch.pi / 360
    rim = torch.stack([60.2 + 25 * angle.cos(), 64.1 + 25 * angle.sin(), torch.ones(720)], dim=-1)
    vertices = torch.cat([rim, torch.tensor([[60.2, 64.1, 1.0]])])[None]
    start = torch.arange(720)
    faces = torch.stack([start, (start + 1) % 720, torch.full((720,), 720)], dim=-1)
    drawn = SoftSilhouette(2.0).draw(vertices, faces, (SIZE, SIZE))[0, 0]
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    distance = 25 - torch.hypot(x - 60.2, y - 64.1)
    torch.testing.assert_close(drawn, torch.sigmoid(distance.sign() * distance**2 / 2), atol=3e-3, rtol=0)


def test_soft_gradient_is_its_own_finite_difference():
    vertices, faces = placed(*SHAPES["hand"])
    silhouette, weight = SoftSilhouette(4.0), torch.rand(1, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    weight = avg_pool2d(weight, 9, 1, 4)
    leaf = vertices.double().requires_grad_()
    (silhouette.draw(leaf, faces, (SIZE, SIZE)) * weight).sum().backward()
    for axis in (0, 1):
        step = torch.zeros(3).double()
        step[axis] = 0.02
        ahead, behind = ((silhouette.draw(leaf + s, faces, (SIZE, SIZE)) * weight).sum().item() for s in (step, -step))
        along, whole = leaf.grad[..., axis].sum().item(), leaf.grad[..., axis].abs().sum().item()
        assert along == pytest.approx((ahead - behind) / 0.04, abs=0.03 * whole)


def fit(silhouette: Silhouette, shift: float, coarse: int) -> torch.Tensor:
    """The shift, mm, that is left of a hand moved in eight directions, after 60 steps of Adam from coarse to fine."""
    surface = hand()
    vertices = torch.tensor(surface.vertices, dtype=torch.float32) + torch.tensor([0, 0, 500.0])
    faces = torch.tensor(surface.faces)
    angle = torch.arange(8) * torch.pi / 4
    moved = torch.stack([angle.cos(), angle.sin(), torch.zeros(8)], dim=-1) * shift
    moved.requires_grad_()
    target = silhouette.draw(in_pixels(vertices[None]), faces, (SIZE, SIZE)).expand(8, -1, -1, -1)
    optimiser = torch.optim.Adam([moved], lr=2.0, betas=(0.8, 0.9))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 60)
    for step in range(60):
        drawn = silhouette.draw(in_pixels(vertices + moved[:, None]), faces, (SIZE, SIZE))
        optimiser.zero_grad()
        pyramid_loss(drawn, target, coarse if step < 30 else 0).sum().backward()
        optimiser.step()
        schedule.step()
    return moved.detach()[:, :2].norm(dim=-1)


@METHODS
@pytest.mark.parametrize(("shift", "coarse"), [(12.0, 0), (30.0, 5)])
def test_fits_recover_a_shift_in_60_steps_of_adam(silhouette, shift, coarse):
    assert fit(silhouette, shift, coarse).max() < 0.5


@METHODS
def test_a_mesh_beside_its_target_is_drawn_to_it_by_coarse_levels_alone(silhouette):
    ball = trimesh.creation.icosphere(3, 20)
    vertices = torch.tensor(ball.vertices, dtype=torch.float32) + torch.tensor([[[-30.0, 0, 450]]])
    faces = torch.tensor(ball.faces)
    target = silhouette.draw(in_pixels(vertices + torch.tensor([45.0, 0, 0])), faces, (SIZE, SIZE))
    pulls = []
    for levels in (0, 5):
        leaf = in_pixels(vertices).requires_grad_()
        pyramid_loss(silhouette.draw(leaf, faces, (SIZE, SIZE)), target, levels).sum().backward()
        pulls.append(-leaf.grad[..., 0].sum() / leaf.grad[..., 0].abs().sum())
    assert abs(pulls[0]) < 0.1  # it would only shrink
    assert pulls[1] > 0.25


@METHODS
def test_what_is_behind_the_camera_or_not_finite_is_left_out(silhouette):
    vertices, faces = placed(trimesh.creation.icosphere(2, 40))
    near = type(silhouette)(near=10.0)
    behind = (vertices * torch.tensor([1.0, 1, -1])).requires_grad_()
    drawn = near.draw(behind, faces, (SIZE, SIZE))
    drawn.sum().backward()
    assert drawn.max() == 0
    assert behind.grad.abs().max() == 0
    assert torch.equal(near.draw(vertices, faces, (SIZE, SIZE)), silhouette.draw(vertices, faces, (SIZE, SIZE)))
    for bad in (torch.nan, torch.inf):
        broken = vertices.clone()
        broken[:, faces[5, 0], 0] = bad
        kept = (faces != faces[5, 0]).all(-1)
        assert torch.equal(
            silhouette.draw(broken, faces, (SIZE, SIZE)), silhouette.draw(vertices, faces[kept], (SIZE, SIZE))
        )


@METHODS
def test_a_mesh_larger_than_the_image_covers_it_and_one_outside_does_not(silhouette):
    vertices, faces = placed(trimesh.creation.icosphere(2, 40))
    centred = vertices - torch.tensor([63.5, 63.5, 0])
    larger = centred * torch.tensor([30.0, 30, 1]) + torch.tensor([63.5, 63.5, 0])
    assert silhouette.draw(larger, faces, (40, 50)).min() == 1
    assert silhouette.draw(vertices + torch.tensor([500.0, 0, 0]), faces, (40, 50)).max() == 0


@METHODS
def test_each_mesh_of_a_batch_is_drawn_as_alone_and_mirrored_ones_too(silhouette):
    vertices, faces = placed(*SHAPES["hand"])
    other = vertices + torch.tensor([10.2, -5, 0])
    mirrored = torch.tensor([127.0, 0, 0]) + vertices * torch.tensor([-1.0, 1, 1])  # faces now run clockwise
    together = silhouette.draw(torch.cat([vertices, other, mirrored]), faces, (SIZE, SIZE))
    for alone, drawn in zip((vertices, other, mirrored), together, strict=True):
        torch.testing.assert_close(silhouette.draw(alone, faces, (SIZE, SIZE))[0], drawn, atol=1e-5, rtol=0)
    torch.testing.assert_close(together[2].flip(-1), together[0], atol=1e-3, rtol=0)


def test_three_faces_at_one_edge_cover_their_union():
    vertices = torch.tensor([[[20.3, 10, 99], [20.3, 90.2, 99], [70, 50, 99], [90, 40, 99], [5, 52, 99]]])
    faces = torch.tensor([[0, 1, 2], [0, 1, 3], [1, 0, 4]])
    drawn = EdgeSilhouette().draw(vertices, faces, (SIZE, SIZE))
    assert drawn.sum().item() == pytest.approx(supersampled(vertices, faces).sum().item(), rel=5e-3)


def test_other_faces_are_noticed_and_wrong_ones_refused():
    vertices, faces = placed(trimesh.creation.icosphere(2, 40))
    silhouette = EdgeSilhouette()
    whole = silhouette.draw(vertices, faces, (SIZE, SIZE))
    half = silhouette.draw(vertices, faces[: len(faces) // 3], (SIZE, SIZE))
    assert half.sum() < whole.sum()
    assert torch.equal(silhouette.draw(vertices, faces, (SIZE, SIZE)), whole)
    with pytest.raises(HandposeError, match=r"faces: found corners 0 to 161; expected 0 to 99"):
        silhouette.draw(vertices[:, :100], faces.clone(), (SIZE, SIZE))
    with pytest.raises(HandposeError, match="at least 2 x 2"):
        silhouette.draw(vertices, faces, (1, 20))
    with pytest.raises(HandposeError, match="sigma"):
        SoftSilhouette(0.0)
    with pytest.raises(HandposeError, match=r"levels: found 8 for 128 pixels.*At most 7"):
        pyramid_loss(whole, whole, 8)


def test_a_silhouette_is_chosen_by_name():
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--silhouette", type=Silhouette)
    chosen = parser.parse_args(["--silhouette", "SoftSilhouette", "--silhouette.sigma", "3.0"])
    made = parser.instantiate(chosen).silhouette
    assert isinstance(made, SoftSilhouette)
    assert made.sigma == 3.0


@METHODS
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
def test_cuda_draws_what_the_cpu_draws(silhouette):
    vertices, faces = placed(*SHAPES["hand"])
    results = []
    for device in ("cpu", "cuda"):
        leaf = vertices.to(device).requires_grad_()
        drawn = silhouette.draw(leaf, faces.to(device), (SIZE, SIZE))
        pyramid_loss(drawn, torch.zeros_like(drawn), 4).sum().backward()
        results.append((drawn.detach().cpu(), leaf.grad.cpu()))
    (drawn, gradient), (other, other_gradient) = results
    assert ((drawn - other).abs() > 1e-3).sum() < 5  # centres that lie on an edge may fall to either side
    torch.testing.assert_close(other_gradient.sum(1), gradient.sum(1), rtol=0.02, atol=1e-5)
