"""The trivial rows of a table: answers that need no network, or an untrained one, on the table's data and protocol."""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from handpose_core.camera import project, reference_length, relative_depth
from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.hand import WRIST
from handpose_core.metrics import ALIGNMENTS
from handpose_core.metrics.functional.constant_hand import (
    mean_points,
    mean_pose,
    mean_shape,
    mirror_left,
    mirror_left_pixels,
)
from handpose_core.training.baselines import Baseline, BaselineRows, FlatDepth
from handpose_core.training.labels import LabelMeans
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate, Prediction

CONSTANT_3D = "best constant 3D hand"
CONSTANT_2D = "best constant 2D hand"
UNTRAINED = "untrained network"


class ConstantHand(Baseline):
    """One hand for all pictures, at the true wrist, as large as the true one, mirrored for left hands.

    Args:
        hand: Relative to the wrist, in lengths of the reference bone.
        module: Says which frames a batch has.
    """

    name, recover, in_2d = CONSTANT_3D, "true_wrist_scale_and_side", False

    def __init__(self, hand: Float[Tensor, "21 3"], module: HandPoseModule) -> None:
        self._hand, self._module = hand, module

    def predict(self, batch: Sample) -> Prediction:
        """See `Baseline`."""
        frames = self._module.frames(batch)
        truth = frames["joints_3d"]
        hand = self._hand.to(truth) * reference_length(truth)[:, None, None]
        if "side" in frames:
            hand = mirror_left(hand, frames["side"])
        joints = truth[:, [WRIST]] + hand
        scores = torch.zeros_like(joints[..., 0])
        return Prediction(project(joints, frames["K"]), relative_depth(joints), scores, joints)


class ConstantPixels(Baseline):
    """The same pixels of the crop for all pictures, mirrored for left hands.

    Args:
        pixels: Of the crop.
        module: Says which frames a batch has.
    """

    name, recover, needs_3d = CONSTANT_2D, "none: 2D", False

    def __init__(self, pixels: Float[Tensor, "21 2"], module: HandPoseModule) -> None:
        self._pixels, self._module = pixels, module

    def predict(self, batch: Sample) -> Estimate:
        """See `Baseline`."""
        frames = self._module.frames(batch)
        pixels = self._pixels.to(frames["joints_2d"]).expand_as(frames["joints_2d"])
        if "side" in frames:
            pixels = mirror_left_pixels(pixels, frames["side"], batch["image"].shape[-1])
        flat = torch.zeros_like(pixels[..., 0])
        return Estimate(pixels, flat, flat)


class TrivialRows(BaselineRows):
    """Adds the rows of `FlatDepth`, `ConstantHand` and `ConstantPixels` to an untrained module's results in ``test``.

    The module's own rows are then those of the untrained network. Each alignment has the constant hand that is best
    after it; all are learnt from training labels by `learn`, before the test.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pixels: Float[Tensor, "21 2"] | None = None
        self._hands: dict[str, Float[Tensor, "21 3"]] = {}
        self._means = LabelMeans()

    def learn(self, batches: Iterable[Sample], module: HandPoseModule) -> None:
        """Compute the constants, and the mean length of the reference bone, of training labels.

        Args:
            batches: Of training samples as labelled, without augmentation.
            module: Says which frames a batch has.

        Raises:
            HandposeError: samples without 2D joints, or a joint that is annotated in none.
        """
        labels: dict[str, list[Tensor]] = {}
        for batch in batches:
            frames, width = module.frames(batch), batch["image"].shape[-1]
            if "joints_2d" not in frames:
                raise HandposeError(
                    "training split, joints_2d", "nothing", "labels to compute the best constant hands of",
                    "Give the table labelled data.",
                )  # fmt: skip
            self._means.update(frames)
            for key, values in _right_handed(frames, width).items():
                labels.setdefault(key, []).append(values.cpu())
        told = {key: torch.cat(values) for key, values in labels.items()}
        self._pixels = mean_points(told["joints_2d"], told["annotated"], CONSTANT_2D)
        if "joints_3d" in told:
            pose = mean_pose(told["joints_3d"], told["annotated"])
            self._hands = dict.fromkeys(ALIGNMENTS, pose)
            self._hands["procrustes"] = mean_shape(told["joints_3d"], told["annotated"])

    def baselines(self, module: HandPoseModule) -> list[tuple[Baseline, Sequence[str]]]:
        """Build the trivial rows; see `BaselineRows`."""
        assert self._pixels is not None  # learnt before the test
        module.label_means.load_state_dict(self._means.state_dict())  # recover=predicted takes the bone's mean length
        constants = [(ConstantHand(hand, module), [alignment]) for alignment, hand in self._hands.items()]
        return [(FlatDepth(module), tuple(ALIGNMENTS)), *constants, (ConstantPixels(self._pixels, module), [])]


def _right_handed(frames: Sample, width: int) -> dict[str, Tensor]:
    """The labels of the right-handed view; of 3D joints only what is relative to the wrist is of use."""
    labels: dict[str, Tensor] = {key: frames[key] for key in ("joints_2d", "joints_3d", "annotated") if key in frames}
    if "side" in frames:
        labels["joints_2d"] = mirror_left_pixels(labels["joints_2d"], frames["side"], width)
        if "joints_3d" in labels:
            labels["joints_3d"] = mirror_left(labels["joints_3d"], frames["side"])
    return labels
