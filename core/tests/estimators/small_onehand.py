"""A small, untrained estimator of the suite's own, and its checkpoint."""

from pathlib import Path

import torch

from handpose_core.estimators.onehand.hand_detector import HandDetectorConfig
from handpose_core.estimators.onehand.module import OneHandModule
from handpose_core.estimators.onehand.network import OneHandConfig
from handpose_core.training.checkpoints import CLASS_KEY, HISTORY_KEY, class_path

DETECTOR = HandDetectorConfig(8, (16, 24, 32), (1, 1, 1), 16, 32)
SMALL = OneHandConfig(
    crop=48, backbone="fused", frozen_blocks=0, stem=8, widths=(16, 32, 48), blocks=(1, 1, 1), expansion=2,
    heatmap_stage=0, features=32, local=8, tokens=16, layers=1, hidden=64, detector=DETECTOR,
)  # fmt: skip
HISTORY = [{"dataset": "none", "crop": "square around the joints x 1.5, resized to 64 px"}]


def write_checkpoint(path: Path, size: OneHandConfig = SMALL) -> Path:
    """Write one of 64 px crops."""
    torch.manual_seed(0)
    module = OneHandModule(size, scale_mm=45.0)
    torch.save(
        {
            "state_dict": module.state_dict(),
            "hyper_parameters": dict(module.hparams),
            "pytorch-lightning_version": "2.6.0",
            CLASS_KEY: class_path(OneHandModule),
            HISTORY_KEY: HISTORY,
        },
        path,
    )
    return path
