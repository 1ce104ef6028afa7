"""Image backbones: maps at strides 4, 8, 16 and 32, with weights by name."""

from handpose_core.nn.backbones.efficientnet_lite import EfficientNetLite, Variant, freeze_backbones
from handpose_core.nn.backbones.joined import JoinedBackbone
from handpose_core.nn.backbones.weights import WEIGHTS, load_weights, load_weights_of

__all__ = [
    "WEIGHTS",
    "EfficientNetLite",
    "JoinedBackbone",
    "Variant",
    "freeze_backbones",
    "load_weights",
    "load_weights_of",
]
