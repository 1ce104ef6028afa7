"""The estimator exported both ways: a single picture is a clip of one frame, whose past says nothing."""

import numpy as np
import pytest
import torch
from tassn.tests.tiny import SIZES

from handpose_core.export.onnx_file import export_onnx
from handpose_core.export.torch_program import export_program
from handpose_core.predict.checkpoint import CheckpointRuntime
from handpose_core.predict.info import OUTPUTS, ModelInfo
from handpose_core.predict.onnx_runtime import load_exported
from handpose_tassn.module import TASSNModule

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    module = TASSNModule(**SIZES, scale_mm=45.0)
    for head in (module.network.mesh, module.network.pose):  # else all depths lie about 0
        for parameter in head.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    return CheckpointRuntime(module, ModelInfo("handpose_tassn.module.TASSNModule", 32, 1.5, 45.0, False, "OfPose", ()))


@pytest.fixture
def crops():
    return np.random.default_rng(1).random((5, 3, 32, 32), dtype=np.float32)


def test_a_program_answers_alike_for_any_number_of_pictures(trained, crops, tmp_path):
    program = torch.export.load(export_program(trained, tmp_path / "hand.pt2").path).module()
    for count in (1, 5):
        expected = trained.run(crops[:count], np.zeros(count, np.int64))
        assert np.ptp(expected.z_rel, axis=1).min() > 0.01
        with torch.inference_mode():
            found = program(torch.from_numpy(crops[:count]))
        for name, value in zip(OUTPUTS, found, strict=True):
            np.testing.assert_allclose(value.numpy(), getattr(expected, name), atol=1e-3)


def test_onnx_runtime_answers_alike_for_any_number_of_pictures(trained, crops, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    runtime = load_exported(export_onnx(trained, tmp_path / "hand.onnx").path)
    assert runtime.info == trained.info
    for count in (1, 5):
        expected = trained.run(crops[:count], np.zeros(count, np.int64))
        found = runtime.run(crops[:count], np.zeros(count, np.int64))
        for name in OUTPUTS:
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-3)
