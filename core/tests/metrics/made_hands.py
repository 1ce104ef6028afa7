"""Hands made of bones of an adult's lengths, with bent and spread fingers, for tests of scores."""

import numpy as np

LENGTHS = ((42, 40, 32, 26), (88, 42, 26, 20), (86, 46, 29, 21), (80, 42, 28, 21), (76, 33, 20, 19))  # mm


def hands(count=40, seed=0, bend=1.0):
    """Right hands (mm, camera frame) half a metre away, turned at random; ``bend`` 1.6 makes fists."""
    random = np.random.default_rng(seed)
    joints = np.zeros((count, 21, 3))
    for hand in joints:
        for finger, lengths in enumerate(LENGTHS):
            side = np.deg2rad((48, 16, 2, -11, -24)[finger] + random.uniform(-4, 4))
            angle, place = random.uniform(0, 0.2) + (0.5 if finger == 0 else 0), np.zeros(3)
            for part, length in enumerate(lengths):
                ahead = np.array([np.sin(side), -np.cos(side), 0]) * np.cos(angle) + np.array([0, 0, 1]) * np.sin(angle)
                place = place + length * ahead
                hand[1 + 4 * finger + part] = place
                angle += bend * random.uniform(0.3, 1.0) * (0.4 if finger == 0 else 1)
        turn, _ = np.linalg.qr(random.normal(size=(3, 3)))
        hand[:] = hand @ (turn * np.linalg.det(turn)) + np.array([30, -20, 500])
    return joints


def predicted(truth, noise=5.0, seed=1):
    """The same hands with noise (mm) on every coordinate."""
    return truth + np.random.default_rng(seed).normal(scale=noise, size=truth.shape)
