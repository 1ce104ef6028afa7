import numpy as np
import pytest
import torch

from handpose_core.errors import HandposeError
from handpose_core.hand import Side
from handpose_core.predict import Known, load
from handpose_core.predict.info import ModelInfo, info_from_json
from handpose_core.training.checkpoints import framing_of

from .conftest import SIZE


def test_a_checkpoint_of_any_installed_method_is_a_model(checkpoint, spot):
    model = load(checkpoint())
    assert model.info.method == "convmethod.ConvModule"
    assert (model.info.image_size, model.info.crop_scale, model.info.bone_mm) == (SIZE, 1.5, 45)
    assert not model.info.told_side
    (hand,) = model(spot(64, 64, 20, 20))
    assert np.isfinite(hand.joints_3d).all()


def test_its_numbers_are_the_modules_own(checkpoint, spot):
    model = load(checkpoint())
    view = model.look("p", spot(64, 64, 20, 20), None, Known(focal=80.0))
    module = model._runtime.module
    batch = {"image": torch.from_numpy(view.crop.copy()).permute(2, 0, 1)[None].float() / 255}
    A = torch.from_numpy(view.square.to_crop(SIZE))
    batch["K"] = (A @ torch.from_numpy(view.K)).float()[None]
    with torch.no_grad():
        expected = module.estimate(batch, "predicted").joints_3d[0].numpy()
    (hand,) = model.estimate([view])
    np.testing.assert_allclose(hand.absolute, expected, rtol=1e-3, atol=0.5)


def test_a_method_that_is_told_the_side_gets_it(checkpoint, spot):
    model = load(checkpoint("ToldModule"))
    assert model.info.told_side
    with pytest.raises(HandposeError, match="--side"):
        model(spot(64, 64, 20, 20))
    left, right = (model(spot(64, 64, 20, 20), known=Known(side=side))[0] for side in Side)
    np.testing.assert_allclose(left.joints_2d, right.joints_2d, atol=1e-6)
    assert np.abs(left.joints_3d - right.joints_3d).max() > 0.01


def test_a_checkpoint_that_does_not_say_its_crops_asks_for_them(checkpoint):
    path = checkpoint(history=[])
    with pytest.raises(HandposeError, match="--image-size and --crop-scale"):
        load(path)
    assert load(path, image_size=64, crop_scale=2.0).info.image_size == 64


def test_other_checkpoints_are_named(checkpoint, tmp_path):
    content = torch.load(checkpoint(), weights_only=False)
    torch.save({**content, "handpose_class": "nobodys.Module"}, tmp_path / "other.ckpt")
    with pytest.raises(HandposeError, match=r"pip install nobodys"):
        load(tmp_path / "other.ckpt")
    (tmp_path / "text.ckpt").write_text("text")
    with pytest.raises(HandposeError, match="cannot be read"):
        load(tmp_path / "text.ckpt")
    with pytest.raises(HandposeError, match="no such file"):
        load(tmp_path / "missing.ckpt")


def test_what_a_model_says_of_itself_survives_its_file():
    info = ModelInfo("m.M", 96, 1.5, 45.5, True, "Argmax()", ({"dataset": "d"},))
    assert info_from_json("f", info.to_json()) == info


@pytest.mark.parametrize("text", ["", "[]", '{"method": "m"}', '{"trained_on": [], "joints": ["wrist"]}'])
def test_other_metadata_are_refused(text):
    with pytest.raises(HandposeError, match="metadata"):
        info_from_json("some.onnx", text)


def test_the_last_trainings_crops_count():
    chapters = [{"crop": "square around the joints x 1.5, resized to 96 px"}, {"dataset": "none"}]
    assert framing_of(chapters) == (96, 1.5)
    assert framing_of([*chapters, {"crop": "square around the joints in each view x 2, resized to 64 px"}]) == (64, 2)
    assert framing_of([{}]) is None
