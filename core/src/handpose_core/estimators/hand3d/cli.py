"""The method as ``handpose hand3d`` finds it."""

from handpose_core.cli.registry import Method

METHOD = Method(
    summary="3D pose from one RGB image by Zimmermann & Brox 2017: heatmaps, pose prior and viewpoint",
    module="handpose_core.estimators.hand3d.module:Hand3DModule",
)
