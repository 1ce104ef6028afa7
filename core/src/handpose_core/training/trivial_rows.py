"""The trivial rows of a table: answers that need no network, or an untrained one, on the table's data and protocol."""

import copy
from abc import abstractmethod
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from handpose_core.camera import project, reference_length, relative_depth
from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.hand import REFERENCE_BONE, WRIST
from handpose_core.metrics import ALIGNMENTS
from handpose_core.metrics.functional import epe
from handpose_core.metrics.functional.constant_hand import (
    mean_points,
    mean_pose,
    mean_shape,
    mirror_left,
    mirror_left_pixels,
)
from handpose_core.metrics.protocols import Comparison
from handpose_core.training.baselines import Baseline, BaselineRows, FlatDepth
from handpose_core.training.labels import LabelMeans
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate, Prediction, recover_with_truth, with_joints

CONSTANT_3D = "best constant 3D hand"
CONSTANT_2D = "best constant 2D hand"
UNTRAINED = "untrained network"
_LABELS = {"joints_2d", "joints_3d", "annotated", "K", "side"}


class Constant(Baseline):
    """The same answer for all pictures, mirrored for left hands.

    Args:
        module: Says which frames a batch has.
    """

    def __init__(self, module: HandPoseModule) -> None:
        self._module = module

    @abstractmethod
    def answer(self, frames: Sample, width: int) -> Estimate:
        """Give the answer for the frames of a batch.

        Args:
            frames: Single pictures' labels.
            width: Of the crops, px.

        Returns:
            The joints; a `Prediction` where the answer is in 3D.
        """

    def on(self, module: HandPoseModule) -> "Constant":
        """Return the same constant for a module that has other frames."""
        other = copy.copy(self)
        other._module = module
        return other

    def predict(self, batch: Sample) -> Estimate:
        """See `Baseline`."""
        return self.answer(self._module.frames(batch), batch["image"].shape[-1])


class ConstantPixels(Constant):
    """The same pixels of the crop.

    Args:
        module: As `Constant`.
        pixels: Of the crop, for right hands.
    """

    name, recover, needs_3d = CONSTANT_2D, "none: 2D", False

    def __init__(self, module: HandPoseModule, pixels: Float[Tensor, "21 2"]) -> None:
        super().__init__(module)
        self._pixels = pixels

    def answer(self, frames: Sample, width: int) -> Estimate:
        """See `Constant`."""
        pixels = self._pixels.to(frames["joints_2d"]).expand_as(frames["joints_2d"])
        if "side" in frames:
            pixels = mirror_left_pixels(pixels, frames["side"], width)
        flat = torch.zeros_like(pixels[..., 0])
        return Estimate(pixels, flat, flat)


class ConstantEstimate(Constant):
    """The same pixels of the crop and relative depths, recovered as methods are: with the true root depth and scale.

    Args:
        module: As `Constant`.
        pixels: Of the crop, for right hands.
        z_rel: Relative depths.
    """

    name, recover, in_2d = CONSTANT_3D, "true_root_and_scale_and_side", False

    def __init__(self, module: HandPoseModule, pixels: Float[Tensor, "21 2"], z_rel: Float[Tensor, "21"]) -> None:
        super().__init__(module)
        self._pixels, self._z_rel = ConstantPixels(module, pixels), z_rel

    def answer(self, frames: Sample, width: int) -> Prediction:
        """See `Constant`."""
        flat = self._pixels.answer(frames, width)
        estimate = Estimate(flat.joints_2d, self._z_rel.to(flat.z_rel).expand_as(flat.z_rel), flat.scores)
        return with_joints(estimate, recover_with_truth(estimate, frames))


class ConstantHand(Constant):
    """One hand at the true wrist, as large as the true one.

    Args:
        module: As `Constant`.
        hand: Of a right hand, relative to the wrist, in lengths of the reference bone.
    """

    name, recover, in_2d = CONSTANT_3D, "true_wrist_and_scale_and_side", False

    def __init__(self, module: HandPoseModule, hand: Float[Tensor, "21 3"]) -> None:
        super().__init__(module)
        self._hand = hand

    def answer(self, frames: Sample, width: int) -> Prediction:
        """See `Constant`."""
        truth = frames["joints_3d"]
        hand = self._hand.to(truth) * reference_length(truth)[:, None, None]
        if "side" in frames:
            hand = mirror_left(hand, frames["side"])
        joints = truth[:, [WRIST]] + hand
        scores = torch.zeros_like(joints[..., 0])
        return Prediction(project(joints, frames["K"]), relative_depth(joints), scores, joints)


class TrivialRows(BaselineRows):
    """Adds the rows of `FlatDepth`, the best constant 3D hand and `ConstantPixels` to an untrained module's results.

    The module's own rows are then those of the untrained network. Constants are learnt from training labels by `learn`,
    before the test: of `ConstantEstimate`, and `ConstantHand` with the mean pose and with the Procrustes mean, each
    alignment has the one whose mean error on the training split is the smallest.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pixels: Float[Tensor, "21 2"] | None = None
        self._hands: dict[str, Constant] = {}
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
        width = 0
        for batch in batches:
            frames, width = module.frames(batch), batch["image"].shape[-1]
            if "joints_2d" not in frames:
                raise HandposeError(
                    "training split, joints_2d", "nothing", "labels to compute the best constant hands of",
                    "Give the table labelled data.",
                )  # fmt: skip
            self._means.update(frames)
            for key in _LABELS & frames.keys():
                labels.setdefault(key, []).append(frames[key].cpu())
        told = {key: torch.cat(values) for key, values in labels.items()}
        pixels, side = told["joints_2d"], told.get("side")
        if side is not None:
            pixels = mirror_left_pixels(pixels, side, width)
        self._pixels = mean_points(pixels, told["annotated"], CONSTANT_2D)
        if "joints_3d" in told:
            self._hands = _best_hands(module, told, self._pixels, width)

    def baselines(self, module: HandPoseModule) -> list[tuple[Baseline, Sequence[str]]]:
        """Build the trivial rows; see `BaselineRows`."""
        assert self._pixels is not None  # learnt before the test
        module.label_means.load_state_dict(self._means.state_dict())  # recover=predicted takes the bone's mean length
        constants = [(hand.on(module), [alignment]) for alignment, hand in self._hands.items()]
        return [(FlatDepth(module), tuple(ALIGNMENTS)), *constants, (ConstantPixels(module, self._pixels), [])]


def _best_hands(
    module: HandPoseModule, labels: Sample, pixels: Float[Tensor, "21 2"], width: int
) -> dict[str, Constant]:
    """Choose the constant hand with the smallest mean error on the training split, for each alignment."""
    usable = labels["annotated"][:, [WRIST, *REFERENCE_BONE]].all(dim=1)
    told = {key: values[usable] for key, values in labels.items()}
    joints, annotated = told["joints_3d"], told["annotated"]
    right = mirror_left(joints, told["side"]) if "side" in told else joints
    z_rel = mean_points(relative_depth(joints)[..., None], annotated, CONSTANT_3D)[:, 0]
    candidates = (
        ConstantEstimate(module, pixels, z_rel),
        ConstantHand(module, mean_pose(right, annotated)),
        ConstantHand(module, mean_shape(right, annotated)),
    )
    answers = [candidate.answer(told, width).joints_3d for candidate in candidates]
    return {
        alignment: candidates[_smallest([_error(answer, joints, annotated, alignment) for answer in answers])]
        for alignment in ALIGNMENTS
    }


def _error(prediction: Tensor, truth: Tensor, annotated: Tensor, alignment: str) -> float:
    errors = Comparison(alignment, "wrist", "").errors(prediction, truth, annotated)
    return float(epe(errors, annotated))


def _smallest(values: Sequence[float]) -> int:
    return min(range(len(values)), key=values.__getitem__)
