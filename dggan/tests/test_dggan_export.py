"""DGGAN's estimator as an ONNX file and a program; the exports compare them with PyTorch themselves."""

import pytest
import torch

from handpose_core.nn.heatmaps import SoftArgmax
from handpose_core.predict import load
from handpose_dggan.module import DGGANModule

from .stages import SIZES

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_pose_network_alone_is_exported_and_answers_alike(tmp_path):
    from handpose_core.export.onnx_file import export_onnx
    from handpose_core.export.torch_program import export_program
    from handpose_core.predict.checkpoint import CheckpointRuntime, is_told_side
    from handpose_core.predict.info import OUTPUTS, ModelInfo

    module = DGGANModule(**SIZES, decoder=SoftArgmax(), scale_mm=45.0)
    info = ModelInfo("handpose_dggan.module.DGGANModule", 64, 1.5, 45.0, is_told_side(module, 64), "SoftArgmax", ())
    trained = CheckpointRuntime(module, info)
    done = export_onnx(trained, tmp_path / "hand.onnx")
    assert set(done.differences) == set(OUTPUTS)
    pose_network = sum(parameter.numel() for parameter in module.network.parameters()) * 4
    assert pose_network < done.size < pose_network + 400_000  # no generator, no regulariser
    assert load(done.path).info == info
    assert [value.name for value in onnx.load(done.path).graph.input] == ["image"]
    program = export_program(trained, tmp_path / "hand.pt2")
    weights = torch.export.load(program.path).state_dict
    assert sum(value.numel() for value in weights.values()) < pose_network / 4 + 1000
