"""The networks of DGGAN (thesis, sections 3.4.2 and 3.4.3), pure PyTorch."""

from handpose_dggan.networks.pose import PAPER_DEPTH_HEAD, DepthHead, DepthHeadSize, PoseRegressor
from handpose_dggan.networks.reconstruction import DepthDiscriminator, DepthGenerator, GANSize
from handpose_dggan.networks.regulariser import (
    PLACED_DEPTHS,
    DepthRegulariser,
    DrawnRegulariser,
    JointInput,
    PlacedDepths,
    RegulariserForm,
    RegulariserSize,
    RelativeDepths,
    as_places,
    read_places,
)

__all__ = [
    "PAPER_DEPTH_HEAD",
    "PLACED_DEPTHS",
    "DepthDiscriminator",
    "DepthGenerator",
    "DepthHead",
    "DepthHeadSize",
    "DepthRegulariser",
    "DrawnRegulariser",
    "GANSize",
    "JointInput",
    "PlacedDepths",
    "PoseRegressor",
    "RegulariserForm",
    "RegulariserSize",
    "RelativeDepths",
    "as_places",
    "read_places",
]
