import numpy as np
import torch

from handpose_core.estimators.hand3d.recovery import fit_translation as torch_fit
from handpose_core.estimators.onehand.virtual_camera import virtual_camera_rotation as torch_to_middle
from handpose_core.predict.recovery import fit_translation, place_before_camera, project, virtual_camera_rotation

K = np.array([[150.0, 0, -40], [0, 140, 90], [0, 0, 1]])


def test_numpy_turns_and_places_as_torch_does():
    rng = np.random.default_rng(0)
    points, pixels = rng.normal(0, 40, (21, 3)), rng.uniform(0, 128, (21, 2))
    middle = np.array([30.0, 70.0])
    turn = torch_to_middle(torch.from_numpy(K)[None], torch.from_numpy(middle)[None])[0].numpy()
    assert np.allclose(virtual_camera_rotation(K, middle), turn)
    placed = torch_fit(torch.from_numpy(points)[None], torch.from_numpy(pixels)[None], torch.from_numpy(K)[None])
    assert np.allclose(fit_translation(points, pixels, K), placed[0].numpy())


def test_a_projected_hand_is_put_where_it_was():
    rng = np.random.default_rng(1)
    points, place = rng.normal(0, 40, (21, 3)), np.array([60.0, -30, 520])
    assert np.allclose(fit_translation(points, project(points + place, K), K), place)
    assert np.allclose(place_before_camera(points, project(points + place, K), K), place)


def test_a_hand_that_fits_no_pixels_is_before_the_camera_all_the_same():
    rng = np.random.default_rng(2)
    points = rng.normal(0, 40, (21, 3))
    for pixels in (rng.uniform(0, 128, (21, 2)), np.full((21, 2), 50.0), -project(points + np.array([0, 0, 500]), K)):
        placed = points + place_before_camera(points, pixels, K)
        assert placed[:, 2].min() > 0
        assert np.abs(project(placed, K).mean(0) - pixels.mean(0)).max() < 40
