import subprocess
import sys

import torch
from core.tests.estimators.small_onehand import SMALL

from handpose_core.estimators.onehand.estimator import HandEstimator


def test_the_estimator_needs_neither_lightning_nor_what_trains_it():
    code = """
import sys
import handpose_core.estimators.onehand.estimator
heavy = ("pytorch_lightning", "lightning_fabric", "torchmetrics", "handpose_core.training.module")
sys.exit(", ".join(name for name in heavy if name in sys.modules) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_it_estimates_by_itself():
    torch.manual_seed(0)
    estimator, images = HandEstimator(SMALL, "anny").eval(), torch.rand(3, 3, 64, 64)
    with torch.inference_mode():
        views = estimator(images)
        found = estimator.decode(views)
        given = estimator.decode_with_handedness(views, torch.tensor([0, 1, -1]))
    assert found.joints_2d.shape == (3, 21, 2)
    assert found.vertices.shape == (3, len(estimator.rig.vertices), 3)
    assert given.is_right.tolist() == [False, True, bool(found.is_right[2])]
    assert torch.equal(given.vertices[2], found.vertices[2])
