"""A single view's estimator exported both ways; the exports compare them with PyTorch themselves."""

import numpy as np
import pytest
import torch
from mvhm.tests.hands_in_views import SINGLE, SIZE

from handpose_core.export.onnx_file import export_onnx
from handpose_core.export.torch_program import export_program
from handpose_core.predict.checkpoint import CheckpointRuntime
from handpose_core.predict.info import OUTPUTS, ModelInfo
from handpose_core.predict.onnx_runtime import load_exported
from handpose_mvhm.module import MVHMModule

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    module = MVHMModule(size=SINGLE, scale_mm=45.0)
    for parameter in module.network.depth_head.parameters():  # else all depths lie about 0
        torch.nn.init.normal_(parameter, std=0.2)
    return CheckpointRuntime(module, ModelInfo("handpose_mvhm.module.MVHMModule", SIZE, 1.5, 45.0, False, "Argmax", ()))


def test_a_program_is_written(trained, tmp_path):
    assert set(export_program(trained, tmp_path / "hand.pt2").differences) == set(OUTPUTS)


def test_onnx_runtime_answers_alike_for_any_number_of_pictures(trained, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    runtime = load_exported(export_onnx(trained, tmp_path / "hand.onnx").path)
    crops = np.random.default_rng(1).random((5, 3, SIZE, SIZE), dtype=np.float32)
    for count in (1, 5):
        expected = trained.run(crops[:count], np.zeros(count, np.int64))
        assert np.ptp(expected.z_rel, axis=1).min() > 0.01
        found = runtime.run(crops[:count], np.zeros(count, np.int64))
        for name in OUTPUTS:
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-3)
