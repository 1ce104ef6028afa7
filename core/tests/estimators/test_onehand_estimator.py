import subprocess
import sys

import cv2
import numpy as np
import torch
from core.tests.estimators.small_onehand import SMALL, write_checkpoint

from handpose_core.estimators.onehand.conversion import pack
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


def test_predicting_with_a_packed_model_loads_no_lightning(tmp_path):
    pack(write_checkpoint(tmp_path / "best.ckpt"), tmp_path / "hand.safetensors")
    cv2.imwrite(str(tmp_path / "photo.png"), np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8))
    code = f"""
import sys
from handpose_core.cli.main import main
status = main(["predict", {str(tmp_path / "photo.png")!r}, "--model", {str(tmp_path / "hand.safetensors")!r},
               "--out", {str(tmp_path / "out")!r}])
heavy = [name for name in ("pytorch_lightning", "lightning_fabric", "torchmetrics") if name in sys.modules]
sys.exit(f"imported {{heavy}}" if heavy else status)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
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
