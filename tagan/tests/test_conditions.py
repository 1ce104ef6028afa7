"""The condition maps against plain ways of making them."""

import cv2
import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from tagan.tests.tiny_training import OBJECTIVES

from handpose_core.errors import HandposeError
from handpose_tagan.conditions.hed import HEDNetwork
from handpose_tagan.conditions.maps import HED, ColourMap, ConditionMaps, Sobel
from handpose_tagan.module import TAGANModule


def test_the_colour_map_is_opencvs_average_inside_and_of_what_there_is_at_the_border():
    image = np.random.default_rng(0).random((40, 48, 3)).astype(np.float32)
    made = ColourMap(9)(torch.from_numpy(image).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(made[4:-4, 4:-4], cv2.blur(image, (9, 9))[4:-4, 4:-4], atol=1e-5)
    np.testing.assert_allclose(made[0, 0], image[:5, :5].mean((0, 1)), atol=1e-5)
    np.testing.assert_allclose(made[20, 47], image[16:25, 43:].mean((0, 1)), atol=1e-5)


def test_a_kernel_larger_than_the_image_gives_its_mean():
    image = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(ColourMap(31)(image), image.mean((2, 3), keepdim=True).expand_as(image))


@pytest.mark.parametrize("kernel", [0, 4, -3])
def test_a_kernel_without_a_middle_is_refused(kernel):
    with pytest.raises(HandposeError, match="expected an odd number of px"):
        ColourMap(kernel)


def test_edges_are_where_colours_change_however_bright_it_is():
    image = torch.full((1, 3, 32, 32), 0.3)
    image[..., 16:] = 0.6
    edges = Sobel().build()(image)[0, 0]
    assert edges[:, 15:17].min() > 0.8
    assert edges[:, :9].max() < 0.01
    torch.testing.assert_close(Sobel().build()(image + 0.2)[0, 0], edges)
    reddish = torch.full((1, 3, 32, 32), 0.5)
    reddish[:, 0, :, 16:], reddish[:, 2, :, 16:] = 0.8, 0.2  # as bright on both sides
    assert Sobel().build()(reddish)[0, 0, :, 15:17].min() > 0.8


def test_maps_have_no_gradient_and_are_named():
    maps = ConditionMaps(kernel=5)
    made = maps(torch.rand(2, 3, 16, 16, requires_grad=True))
    assert made.shape.shape == (2, 1, 16, 16)
    assert made.colour.shape == (2, 3, 16, 16)
    assert not made.shape.requires_grad
    assert maps.describe() == {
        "shape_map": "Sobel (stands in for HED), sigma 1.5 px, half an edge at 0.03",
        "colour_map": "average of 5 x 5 px",
    }


def test_hed_takes_weights_by_either_set_of_names(tmp_path):
    random = HEDNetwork(None).state_dict()
    image = torch.rand(1, 3, 32, 48)
    torch.save({name.replace("net", "module", 1): tensor for name, tensor in random.items()}, tmp_path / "hed.pt")
    torch.save(random, tmp_path / "net.pt")
    (first, second) = (HED(str(tmp_path / name)).build() for name in ("hed.pt", "net.pt"))
    assert first(image).shape == (1, 1, 32, 48)
    assert torch.equal(first(image), second(image))
    assert not any(parameter.requires_grad for parameter in first.parameters())
    assert "hed.pt" in ConditionMaps(HED(str(tmp_path / "hed.pt"))).describe()["shape_map"]


def test_hed_weights_that_do_not_fit_are_named(tmp_path):
    with pytest.raises(HandposeError, match="found no such file"):
        HED(str(tmp_path / "none.pt")).build()
    weights = HEDNetwork(None).state_dict()
    weights["netVggTwo.1.weight"] = torch.zeros(128, 32, 3, 3)
    torch.save(weights, tmp_path / "wrong.pt")
    with pytest.raises(HandposeError, match=r"netVggTwo.1.weight: found a tensor of \(128, 32, 3, 3\); exp"):
        HED(str(tmp_path / "wrong.pt")).build()
    torch.save({"state": weights}, tmp_path / "nested.pt")
    with pytest.raises(HandposeError, match="something else than tensors by name"):
        HED(str(tmp_path / "nested.pt")).build()
    (tmp_path / "text.pt").write_text("not weights")
    with pytest.raises(HandposeError, match="a file that torch does not read"):
        HED(str(tmp_path / "text.pt")).build()


def test_a_checkpoint_with_hed_needs_its_file_no_more(tmp_path):
    """The weights are inside: the path that they once came from is not opened, and the maps are theirs."""
    path = tmp_path / "hed.pt"
    torch.save(HEDNetwork(None).state_dict(), path)
    module = TAGANModule(OBJECTIVES["Pix2pix"], edges=HED(str(path)))
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.strategy.connect(module)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    path.unlink()
    moved = TAGANModule.load_from_checkpoint(tmp_path / "last.ckpt", map_location="cpu")
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(moved.maps(image)[0], module.maps(image)[0])
    with pytest.raises(HandposeError, match="HED weights"):
        HED(str(path)).build()
