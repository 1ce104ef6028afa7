"""Networks and decoders that two methods use; pure PyTorch."""

from handpose_core.nn.cpm import PAPER_CPM, ConvolutionalPoseMachine, ConvStage, CPMSize, Trunk
from handpose_core.nn.heatmaps import (
    Argmax,
    Decoder,
    SoftArgmax,
    add_background,
    decode_argmax,
    decode_softargmax,
    gaussian_heatmaps,
)

__all__ = [
    "PAPER_CPM",
    "Argmax",
    "CPMSize",
    "ConvStage",
    "ConvolutionalPoseMachine",
    "Decoder",
    "SoftArgmax",
    "Trunk",
    "add_background",
    "decode_argmax",
    "decode_softargmax",
    "gaussian_heatmaps",
]
