"""Where the keypoints of unlabelled real hands come from (thesis: OpenPose): any detector of 21 joints.

Pictures in which nothing usable is found are counted with the reason, see `handpose_tagan.superposition.hands.Unfit`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray

from handpose_core.cli.registry import methods
from handpose_core.datamodules.crops import byte_pixels
from handpose_core.datasets.folder import Folder
from handpose_core.errors import HandposeError
from handpose_core.io.checkpoint_parts import as_one_file
from handpose_core.training.checkpoints import CLASS_KEY
from handpose_core.training.module import HandPoseModule
from handpose_tagan.superposition.hands import RealHand, Unfit
from handpose_tagan.superposition.matching import LEAST_JOINTS


class Keypoints(NamedTuple):
    """What a detector saw.

    Attributes:
        joints_2d: px, in the canonical order.
        scores: how sure it is of each, in [0, 1]; 0 where it saw none.
    """

    joints_2d: Float[ndarray, "21 2"]
    scores: Float[ndarray, "21"]


class Detector(ABC):
    """Finds the joints of one hand."""

    @abstractmethod
    def detect(self, image: UInt8[ndarray, "h w 3"]) -> Keypoints | None:
        """The keypoints in an RGB image; None without a hand."""


class NetworkDetector(Detector):
    """A pose network of the suite, such as DGGAN's pose machine, on the whole picture, squared.

    Args:
        module: estimates poses.
        image_size: side of the images that it was trained on, px.
    """

    def __init__(self, module: HandPoseModule, image_size: int) -> None:
        self.module, self.image_size = module.eval(), image_size

    @torch.no_grad()
    def detect(self, image: UInt8[ndarray, "h w 3"]) -> Keypoints | None:
        """See `Detector`."""
        height, width = image.shape[:2]
        scale = self.image_size / max(height, width)
        offset = (self.image_size - 1) / 2 - scale * (np.array([width, height]) - 1) / 2
        A = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
        square = cv2.warpAffine(image, A, (self.image_size, self.image_size), flags=cv2.INTER_LINEAR)
        pixels = torch.from_numpy(square).permute(2, 0, 1)[None].float().to(self.module.device) / 255
        estimate = self.module.decode(self.module(*self.module.inputs({"image": pixels})), self.image_size)
        joints = (estimate.joints_2d[0].double().cpu().numpy() - offset) / scale
        return Keypoints(joints, estimate.scores[0].double().clamp(0, 1).cpu().numpy())


def detector_of(checkpoint: Path, image_size: int) -> NetworkDetector:
    """The pose network in a checkpoint of any installed method.

    Raises:
        HandposeError: the file is no checkpoint of a method that estimates poses.
    """
    if not checkpoint.is_file():
        raise HandposeError(f"--detector {checkpoint}", "no such file", "a checkpoint", "Check the path.")
    with as_one_file(checkpoint) as whole:
        writer = torch.load(whole, map_location="cpu", weights_only=True, mmap=True).get(CLASS_KEY)
    writers = {method.module.replace(":", "."): method for method in methods().values()}
    kind = writers[writer].load() if writer in writers else None
    if kind is None or not issubclass(kind, HandPoseModule):
        raise HandposeError(
            f"--detector {checkpoint}", f"a checkpoint of {writer}", "one of an installed method that estimates poses",
            f"The methods are {', '.join(methods())}.",
        )  # fmt: skip
    return NetworkDetector(kind.load_from_checkpoint(checkpoint, map_location="cpu"), image_size)


def detected_hands(root: str | Path, detector: Detector, threshold: float) -> Iterator[RealHand | Unfit]:
    """The hands of a folder of images or a video, as a detector sees them.

    Args:
        root: the folder or file.
        detector: finds keypoints.
        threshold: the score from which a keypoint counts.

    Raises:
        HandposeError: there are no images, or one is damaged.
    """
    for sample in _samples(Folder(root, labels="none")):
        image = byte_pixels(sample["image"])
        seen = detector.detect(image)
        if seen is None:
            yield Unfit("no hand found", "the detector sees none")
        else:
            yield usable(RealHand(image, seen.joints_2d, seen.scores >= threshold))


def labelled_hands(root: str | Path, labels: str) -> Iterator[RealHand | Unfit]:
    """The hands of a folder whose labels tell the keypoints: those of another tool, say.

    Args:
        root: the folder or video.
        labels: see `handpose_core.datasets.folder.Folder`.

    Raises:
        HandposeError: there are no images or no 2D joints, or a file is damaged.
    """
    folder = Folder(root, labels=labels)
    for sample in _samples(folder):
        if "joints_2d" not in sample:
            raise HandposeError(str(root), "images without joints_2d", "labelled ones", "Give a --detector instead.")
        joints = sample["joints_2d"].double().numpy()
        yield usable(RealHand(byte_pixels(sample["image"]), joints, sample["annotated"].numpy()))


def usable(hand: RealHand) -> RealHand | Unfit:
    """The hand, unless too few of its keypoints are known."""
    present = hand.present & np.isfinite(hand.joints_2d).all(1)
    if present.sum() < LEAST_JOINTS:
        return Unfit(f"fewer than {LEAST_JOINTS} keypoints", f"{present.sum()} are known")
    return RealHand(hand.image, hand.joints_2d, present)


def _samples(folder: Folder) -> Iterator[dict[str, torch.Tensor]]:
    return (folder[number] for number in range(len(folder)))
