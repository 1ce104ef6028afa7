import cv2
import numpy as np
import pytest
import torch

from handpose_core.camera import (
    back_project,
    crop_matrix,
    project,
    recover_joints,
    reference_length,
    relative_depth,
    solve_root_depth,
    transform_pixels,
    wrist_at_zero,
)
from handpose_core.hand import WRIST, Side

K = torch.tensor([[300.0, 0, 159.5], [0, 310.0, 119.5], [0, 0, 1]], dtype=torch.float64)


@pytest.fixture
def hands(draw_hand):
    rng = np.random.default_rng(3)
    return torch.stack([torch.from_numpy(draw_hand(rng, Side(i % 2)).joints_3d) for i in range(20)])


def test_project_by_hand():
    points = torch.tensor([[0.0, 0, 500], [100, -50, 1000]], dtype=torch.float64)
    expected = torch.tensor([[159.5, 119.5], [159.5 + 30, 119.5 - 15.5]], dtype=torch.float64)
    torch.testing.assert_close(project(points, K), expected)


def test_back_project_undoes_project(hands):
    batched = K.expand(len(hands), 3, 3)
    torch.testing.assert_close(back_project(project(hands, batched), hands[..., 2], batched), hands)


def test_crop_of_whole_pixels_is_a_shift():
    # Pixels 10..19 span 9.5 to 19.5: centre 14.5, size 10.
    A = crop_matrix(torch.tensor([14.5, 24.5]), torch.tensor(10.0), 10)
    torch.testing.assert_close(A, torch.tensor([[1.0, 0, -10], [0, 1, -20], [0, 0, 1]]))


@pytest.mark.parametrize("output", [40, 80, 160])
def test_crop_agrees_with_a_library_that_resizes_by_pixel_areas(output):
    image = cv2.GaussianBlur(np.random.default_rng(0).random((100, 120)).astype(np.float32), (0, 0), 2)
    A = crop_matrix(torch.tensor([49.5, 39.5]), torch.tensor(80.0), output)  # columns 10..89, rows 0..79
    warped = cv2.warpAffine(image, A[:2].numpy(), (output, output))
    resized = cv2.resize(image[0:80, 10:90], (output, output), interpolation=cv2.INTER_LINEAR)
    inner = slice(2, -2)  # the two differ in what they take beyond the edge
    np.testing.assert_allclose(warped[inner, inner], resized[inner, inner], atol=2e-3)


def test_crop_edges_and_middle():
    centre, size = torch.tensor([[50.0, 60.0]]), torch.tensor([30.0])
    A = crop_matrix(centre, size, 256)
    points = torch.stack([centre - 15, centre, centre + 15], dim=1)
    expected = torch.tensor([[[-0.5, -0.5], [127.5, 127.5], [255.5, 255.5]]])
    torch.testing.assert_close(transform_pixels(points, A), expected)


def test_projection_through_the_crops_intrinsics(hands):
    A = crop_matrix(torch.tensor([140.0, 100.0]), torch.tensor(90.0), 256).double()
    batched = K.expand(len(hands), 3, 3)
    torch.testing.assert_close(
        project(hands, A @ batched), transform_pixels(project(hands, batched), A.expand(20, 3, 3))
    )


def test_recover_joints_undoes_relative_depth(hands):
    batched = K.expand(len(hands), 3, 3)
    args = (project(hands, batched), relative_depth(hands), batched)
    found = recover_joints(*args, hands[:, 0, 2], reference_length(hands))
    torch.testing.assert_close(found, hands)


def test_solve_root_depth_finds_the_true_root(hands):
    batched = K.expand(len(hands), 3, 3)
    found = solve_root_depth(project(hands, batched), relative_depth(hands), batched, reference_length(hands))
    torch.testing.assert_close(found, hands[:, 0, 2])


def test_solve_root_depth_without_a_real_root_stays_finite(hands):
    z_rel = relative_depth(hands)
    z_rel[:, 10] = z_rel[:, 9] + 3  # the reference bone alone would be three times its length deep
    batched = K.expand(len(hands), 3, 3)
    found = solve_root_depth(project(hands, batched), z_rel, batched, reference_length(hands))
    assert found.isfinite().all()


def test_the_wrists_depth_is_fixed_and_its_prediction_gets_no_gradient():
    predicted = torch.randn(2, 21, requires_grad=True)
    fixed = wrist_at_zero(predicted)
    assert (fixed[:, WRIST] == 0).all()
    assert torch.equal(fixed[:, 1:], predicted[:, 1:])
    (gradient,) = torch.autograd.grad(fixed.square().sum(), predicted)
    assert (gradient[:, WRIST] == 0).all()
    assert (gradient[:, 1:] != 0).all()


def test_relative_depth_by_hand():
    joints = torch.zeros(21, 3)
    joints[:, 2] = 400
    joints[9], joints[10], joints[4, 2] = torch.tensor([0.0, 0, 400]), torch.tensor([30.0, 40, 400]), 300
    assert reference_length(joints) == 50
    assert relative_depth(joints)[[0, 4]].tolist() == [0, -2]


def test_half_precision_leaves_points_alone():
    """A validation step under autocast: ``@`` would be off by a millimetre or more at arm's length."""
    points = torch.randn(2, 21, 3) * 40 + torch.tensor([0.0, 0, 600])
    K = torch.tensor([[100.0, 0, 47.5], [0, 100.0, 47.5], [0, 0, 1]]).expand(2, 3, 3)
    with torch.autocast("cpu", torch.bfloat16):
        pixels = project(points, K)
        back = back_project(pixels, points[..., 2], K)
        moved = transform_pixels(pixels, torch.eye(3).expand(2, 3, 3))
    assert (back - points).abs().max() < 1e-3
    assert torch.equal(moved, pixels)
