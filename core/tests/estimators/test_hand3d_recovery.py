import torch

from handpose_core.camera import project, reference_length
from handpose_core.estimators.hand3d.recovery import PlacedEstimate, at_fitted_root, at_true_root, fit_translation
from handpose_core.hand import WRIST


def truth_as_estimate(hands):
    joints = hands["joints_3d"]
    xyz = (joints - joints[:, [WRIST]]) / reference_length(joints)[:, None, None]
    return PlacedEstimate(hands["joints_2d"], xyz[..., 2], torch.ones(len(xyz), 21), xyz)


def test_the_true_shape_at_the_true_root_is_the_truth(hands):
    assert torch.allclose(at_true_root(truth_as_estimate(hands), hands), hands["joints_3d"], atol=1e-3)


def test_the_true_shape_in_its_true_pixels_is_the_truth(hands):
    scale = reference_length(hands["joints_3d"])[0]
    one = {key: value[:1] for key, value in hands.items()}
    assert torch.allclose(at_fitted_root(truth_as_estimate(one), one["K"], scale), one["joints_3d"], atol=0.05)


def test_the_translation_is_that_of_least_squares(hands):
    torch.manual_seed(0)
    points = (hands["joints_3d"] - hands["joints_3d"][:, [WRIST]]).double()
    K = hands["K"].double()
    pixels = project(hands["joints_3d"].double(), K) + torch.randn(4, 21, 2)
    rays = (pixels - K[:, None, :2, 2]) / 110
    rows = []
    for axis in range(2):  # x + t_x = a (z + t_z)
        unit = torch.zeros(4, 21, 3).double()
        unit[..., axis], unit[..., 2] = 1, -rays[..., axis]
        rows.append(torch.cat([unit, (rays[..., axis] * points[..., 2] - points[..., axis])[..., None]], dim=-1))
    system = torch.cat(rows, dim=1)
    expected = torch.linalg.lstsq(system[..., :3], system[..., 3:]).solution[..., 0]
    assert torch.allclose(fit_translation(points, pixels, K), expected, atol=1e-6)
