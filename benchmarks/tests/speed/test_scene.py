import numpy as np

from handpose_benchmarks.speed.scene import posed_hands


def test_hands_are_in_the_image_and_the_same_at_every_call() -> None:
    scene = posed_hands(frames=8, size=128)
    projected = scene.vertices @ scene.K.T
    pixels = projected[..., :2] / projected[..., 2:]
    assert pixels.min() > -0.5
    assert pixels.max() < 127.5
    spans = np.ptp(pixels, axis=1).max(-1)
    assert spans.min() > 30  # not a speck: a fist seen along the arm still covers a quarter of the image
    assert len({hand.tobytes() for hand in scene.vertices}) == 8
    np.testing.assert_array_equal(scene.vertices, posed_hands(frames=8, size=128).vertices)


def test_hands_are_not_mirrored() -> None:
    """A closed mesh with outward faces has positive volume; a reflection would turn it inside out."""
    scene = posed_hands(frames=8, size=128)
    a, b, c = np.moveaxis(scene.vertices[:, scene.faces].astype(np.float64), 2, 0)
    volume = np.einsum("fij,fij->f", a, np.cross(b, c)) / 6
    assert np.all(volume > 1e5)  # mm^3; a hand has some 3e5
