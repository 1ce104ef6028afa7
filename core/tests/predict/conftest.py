import json
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from handpose_core.cli import registry
from handpose_core.cli.registry import Method
from handpose_core.io.outputs import OutputFolder
from handpose_core.nn.heatmaps import Decoder, SoftArgmax
from handpose_core.predict.info import ModelInfo
from handpose_core.predict.model import HandModel
from handpose_core.predict.runtime import Output
from handpose_core.training.checkpoints import CLASS_KEY, HISTORY_KEY, class_path

SIZE = 32
HISTORY = [{"dataset": "none", "crop": f"square around the joints x 1.5, resized to {SIZE} px"}]
_VIDEO_CAPTURE = cv2.VideoCapture
METHODS = {name: Method("for tests", f"convmethod:{name}") for name in ("ConvModule", "ToldModule")}


class Brightest:
    """Says that every joint is at the crop's brightest pixel; the fingers are a little apart in depth."""

    def __init__(self, told_side: bool = False, confidence: float = 0.8) -> None:
        self.info = ModelInfo("tests.Brightest", SIZE, 1.5, 45.0, told_side, "none", ())
        self.confidence = confidence
        self.batches: list[int] = []
        self.sides: list[int] = []

    def run(self, images, sides):
        self.batches.append(len(images))
        self.sides += sides.tolist()
        flat = images.sum(1).reshape(len(images), -1).argmax(1)
        place = np.stack([flat % SIZE, flat // SIZE], axis=1)[:, None].astype(np.float32)
        spread = np.stack([np.arange(21) % 5, np.arange(21) // 5], axis=1).astype(np.float32) / 10
        z_rel = np.tile(np.arange(21, dtype=np.float32) / 21, (len(images), 1))
        return Output(place + spread, z_rel, np.full((len(images), 21), self.confidence, np.float32))


class Fitting:
    """Sees a bright hand in steps of two pixels, the surer the nearer it is to the share of crops in training.

    A hand cut off by the crop's border is less sure, and without one it says anything, of low confidence.
    """

    def __init__(self) -> None:
        self.info = ModelInfo("tests.Fitting", SIZE, 1.5, 45.0, False, "none", ())
        self.batches: list[int] = []

    def run(self, images, sides):
        self.batches.append(len(images))
        joints, scores = zip(*(self._hand(image.mean(0) > 0.5) for image in images), strict=True)
        z_rel = np.tile(np.arange(21, dtype=np.float32) / 21, (len(images), 1))
        return Output(np.stack(joints), z_rel, np.tile(np.array(scores, np.float32)[:, None], (1, 21)))

    def _hand(self, bright):
        rows, columns = np.nonzero(bright)
        if not len(rows):
            return np.full((21, 2), SIZE / 3, np.float32) + np.arange(21, dtype=np.float32)[:, None] / 8, 0.05
        low, high = (np.array([end(columns), end(rows)]) // 2 * 2 + 0.5 for end in (np.min, np.max))
        places = np.linspace(low, high, 21).astype(np.float32)
        share = max(high - low + 1) / SIZE * self.info.crop_scale
        cut = bright[[0, -1]].any() or bright[:, [0, -1]].any()
        return places, 0.9 * float(np.exp(-2 * np.log(share) ** 2)) * (0.3 if cut else 1.0)


class Camera:
    """In place of ``cv2.VideoCapture``: gives frames of a camera, and time passes with each; files are read as ever.

    Args:
        frames: RGB.
        takes: seconds a frame.
        rate: what it says of itself.
    """

    def __init__(self, frames, takes=0.1, rate=10.0):
        self.frames, self.takes, self.rate = iter(frames), takes, rate
        self.now, self.numbers, self.released = 0.0, [], False

    def __call__(self, source, *parameters):
        if not isinstance(source, int):
            return _VIDEO_CAPTURE(source, *parameters)
        self.numbers.append(source)
        return self

    def clock(self):
        return self.now

    def isOpened(self):
        return True

    def read(self):
        self.now += self.takes
        frame = next(self.frames, None)
        return frame is not None, None if frame is None else frame[..., ::-1].copy()

    def get(self, _):
        return self.rate

    def release(self):
        self.released = True


def estimated(folder: Path) -> list[dict[str, Any]]:
    """The hands of each picture, as hands.json has them."""
    return json.loads((folder / "hands.json").read_text())["pictures"]


def listed(folder: Path) -> list[str]:
    """The files in a folder of outputs, but for the hidden list of them."""
    paths = [path for path in folder.rglob("*") if path.is_file() and ".handpose" not in path.parts]
    return sorted(str(path.relative_to(folder)) for path in paths)


@pytest.fixture
def out(tmp_path: Path) -> Iterator[OutputFolder]:
    with OutputFolder(tmp_path / "out", "--out", "tests", []) as folder:
        yield folder


@pytest.fixture
def fitting() -> Fitting:
    return Fitting()


@pytest.fixture
def brightest() -> Brightest:
    return Brightest()


@pytest.fixture
def model(brightest: Brightest) -> HandModel:
    return HandModel(brightest, batch=3)


@pytest.fixture
def spot() -> Callable[..., np.ndarray]:
    """A dark picture with a bright square at a pixel: ``spot(width, height, x, y)``."""

    def draw(width: int, height: int, x: int, y: int, half: int = 1) -> np.ndarray:
        picture = np.full((height, width, 3), 20, np.uint8)
        picture[y - half : y + half + 1, x - half : x + half + 1] = 255
        return picture

    return draw


def installed(patch: pytest.MonkeyPatch) -> None:
    """The methods of `convmethod`, as if packages had brought them."""
    patch.syspath_prepend(Path(__file__).parent)
    patch.setattr(registry, "methods", lambda: METHODS)


def write_checkpoint(path: Path, kind: str, history: list[dict[str, str]], decoder: Decoder) -> Path:
    """The checkpoint of an untrained `installed` method."""
    torch.manual_seed(0)
    module = getattr(import_module("convmethod"), kind)(decoder, scale_mm=45.0)
    content = {
        "state_dict": module.state_dict(),
        "hyper_parameters": dict(module.hparams),
        "pytorch-lightning_version": "2.6.0",
        CLASS_KEY: class_path(type(module)),
        HISTORY_KEY: history,
    }
    torch.save(content, path)
    return path


@pytest.fixture
def checkpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Writes one: ``checkpoint("ConvModule", history=...)``."""
    installed(monkeypatch)

    def write(kind: str = "ConvModule", history: list[dict[str, str]] = HISTORY) -> Path:
        return write_checkpoint(tmp_path / "best.ckpt", kind, history, SoftArgmax())

    return write
