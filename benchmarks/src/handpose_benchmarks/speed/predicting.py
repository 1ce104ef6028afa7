"""How long the model that comes along takes from a photograph to a hand in 3D, stage by stage."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import torch

from handpose_benchmarks.speed.figure import Figure
from handpose_benchmarks.speed.timing import rate
from handpose_core.predict import Box
from handpose_core.predict.memory import keep_freed_memory
from handpose_core.predict.model import NOTHING_KNOWN, HandModel
from handpose_core.predict.onehand_runtime import load_packed
from handpose_core.predict.pictures import Picture, read_picture
from handpose_core.predict.search import Search
from handpose_core.predict.shipped import shipped_model

WIDTH, HEIGHT = 1280, 960
BOX = Box(400, 300, 320, 320)
_SECONDS = 0.025
"""For a picture with a box: what MediaPipe takes on two cores."""


def measure() -> Iterator[Figure]:
    """Pictures/s of each stage by itself, with a box and without one."""
    keep_freed_memory()
    runtime = load_packed(shipped_model())
    model, estimator = HandModel(runtime), runtime.running
    device = estimator.rig.faces.device
    pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    view = model.look("picture", pixels, BOX, NOTHING_KNOWN)
    images = torch.from_numpy(view.crop).permute(2, 0, 1)[None].to(device) / 255
    crop = torch.zeros(2, 3, estimator.crop, estimator.crop, device=device)
    search = Search(model)
    with torch.inference_mode(), TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        cv2.imwrite(str(path), cv2.GaussianBlur(pixels, (0, 0), 3))
        views = estimator(images)
        stages: list[tuple[str, Callable[[], object], float | None]] = [
            ("read a JPEG", lambda: read_picture(path), None),
            ("cut out the crop", lambda: model.look("picture", pixels, BOX, NOTHING_KNOWN), None),
            ("detect in it and its mirror image", lambda: estimator.detector(torch.cat([images, images])), None),
            ("cut the canonical crop", lambda: views.detection.box.crop(images, estimator.crop), None),
            ("predict the pose in it and its mirror image", lambda: estimator.pose_network(crop), None),
            ("pose the hand model", lambda: estimator.decode(views), None),
            ("all of a picture with a box, once read", lambda: model(pixels, BOX), 1 / _SECONDS),
            ("all of a picture without a box, once read", lambda: search([Picture("picture", pixels)]), None),
        ]
        for name, work, target in stages:
            yield Figure(f"predict, {name}", rate(work, 1), "pictures/s", target, _note(name))


def _note(name: str) -> str:
    shape = f"{WIDTH} x {HEIGHT} px, " if "picture" in name or "JPEG" in name else ""
    return f"{shape}one at a time, {torch.get_num_threads()} threads"
