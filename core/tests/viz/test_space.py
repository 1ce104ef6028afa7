import numpy as np

from handpose_core.viz import plot_hand_3d


def _dark(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where something other than white, grey text apart (below the titles), was drawn."""
    below = image[24:]
    return np.nonzero((below.max(axis=2).astype(int) - below.min(axis=2)) > 60)


def _straight(direction: tuple[float, float, float]) -> np.ndarray:
    """All fingers along one direction from the wrist at the origin."""
    joints = np.zeros((21, 3), np.float32)
    for joint in range(1, 21):
        joints[joint] = np.array(direction) * (30 + 25 * ((joint - 1) % 4))
    return joints


def _width_and_height(image: np.ndarray) -> tuple[int, int]:
    ys, xs = _dark(image)
    return (int(np.ptp(xs)), int(np.ptp(ys))) if len(xs) else (0, 0)


def test_two_views_side_by_side():
    assert plot_hand_3d(_straight((1, 0, 0)), side=200).shape == (200, 400, 3)


def test_camera_view_has_x_to_the_right_and_y_down():
    joints = np.zeros((21, 3), np.float32)
    joints[4] = (60, 0, 0)  # the thumb's tip, right of all else
    joints[20] = (0, 60, 0)  # the little finger's, below
    left = plot_hand_3d(joints, side=400)[:, :400]
    little = np.argwhere(np.abs(left.astype(int) - (155, 89, 182)).max(axis=2) < 12)
    thumb = np.argwhere(np.abs(left.astype(int) - (230, 75, 53)).max(axis=2) < 12)
    assert little[:, 0].max() > thumb[:, 0].max() + 50
    assert thumb[:, 1].max() > little[:, 1].min() + 50


def test_depth_shows_only_from_the_side():
    image = plot_hand_3d(_straight((0, 0, 1)), side=300)
    front, side = _width_and_height(image[:, :300]), _width_and_height(image[:, 300:])
    assert max(front) < 30
    assert side[0] > 100


def test_nothing_finite_to_draw_still_gives_a_picture():
    joints = np.full((21, 3), np.nan, np.float32)
    assert plot_hand_3d(joints, side=100).shape == (100, 200, 3)
