import numpy as np
import torch
from scipy.spatial.transform import Rotation

from handpose_core.nn.rotation import axis_angle_matrices, rotation_from_6d


def test_axis_angles_are_scipys_rotation_vectors():
    vectors = np.random.default_rng(0).normal(0, 2, (50, 3))
    vectors[0] = 0
    ours = axis_angle_matrices(torch.tensor(vectors))
    assert np.allclose(ours.numpy(), Rotation.from_rotvec(vectors).as_matrix(), atol=1e-12)


def test_axis_angles_have_a_gradient_at_no_rotation():
    w = torch.zeros(1, 3, requires_grad=True)
    axis_angle_matrices(w)[0, 0, 1].backward()
    assert w.grad.tolist() == [[0, 0, -1]]


def test_six_numbers_give_rotations_and_none_the_identity():
    made = rotation_from_6d(torch.randn(50, 6, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(made @ made.transpose(1, 2), torch.eye(3).expand(50, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(made), torch.ones(50), atol=1e-5)
    assert torch.equal(rotation_from_6d(torch.zeros(1, 6))[0], torch.eye(3))


def test_any_rotation_is_said_by_its_first_two_columns():
    turned = torch.tensor(Rotation.random(20, rng=0).as_matrix())
    said = turned[:, :, :2].mT.flatten(1) - torch.tensor([1.0, 0, 0, 0, 1, 0])
    assert torch.allclose(rotation_from_6d(said), turned, atol=1e-6)
