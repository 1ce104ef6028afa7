"""Check predicted and true joints for faults of their files before they are scored: units, joint orders, mirror images.

No check changes a joint: a wrong unit, by which the errors would be wrong by powers of ten, is refused; the others are
noted with the next step.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.geometry.hand_shape import MOST_COST_OF_A_HAND, PLAUSIBLE_LENGTH_MM, hand_lengths, order_costs, reach
from handpose_core.hand import FINGER_JOINTS, JOINT_ORDERS, WRIST, to_raw_order
from handpose_core.metrics.files import FREIHAND_SUFFIX, JOINTS, MM_PER_UNIT
from handpose_core.metrics.functional import align_procrustes, distances
from handpose_core.metrics.protocols import ROOTS, Comparison

SCALE_FREE = ("root_scale", "procrustes")
"""Alignments that take the scale of the predictions out."""
_LENGTH_MM = (70.0, 600.0)  # what noise and wrong orders make of a hand's lengths, less than tenfold from end to end
_AT_MOST = 100  # hands that orders and mirror images are tried on
_FEWEST_JOINTS = 8  # of a hand that is worth a fit
_BETTER, _BETTER_MM = 0.7, 2.0  # by which factor, and by how much, another reading must fit better
_SIMILAR = 0.8  # error over that of a single point, below which predictions have the truth's shape
_SIZE_RATIO = 1.5
_HAND = f"{PLAUSIBLE_LENGTH_MM[0]:g} to {PLAUSIBLE_LENGTH_MM[1]:g} mm"
_LEAST_TURN = np.deg2rad(60)  # smaller rotations are errors of the predictions, not other axes
_MIRRORED_SHARE = 0.2
_NAMES = {"mano": "MANO", "rhd": "RHD", "stb": "STB", "mhp": "MHP", "interhand": "InterHand2.6M"}
_MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Given:
    """A file of joints as it was read.

    Args:
        path: the file.
        joints: mm, canonical order if ``order`` is right.
        known: joints that are predicted, or have a label.
        unit: in which it was read, a key of `MM_PER_UNIT`.
        order: in which it was read, a key of `JOINT_ORDERS`.
        option: ``pred`` or ``truth``, by which the command line names it.
    """

    path: Path
    joints: Float64[ndarray, "samples 21 3"]
    known: Bool[ndarray, "samples 21"]
    unit: str
    order: str
    option: str

    @property
    def whole(self) -> Bool[ndarray, " samples"]:
        """Hands of which every joint is known."""
        every: Bool[ndarray, " samples"] = np.all(self.known, axis=1)
        return every

    @property
    def size(self) -> float:
        """Median length from the wrist to the middle finger's tip along the bones, mm; NaN where it is not known."""
        hands = self.known[:, [WRIST, *FINGER_JOINTS["middle"]]].all(axis=1)
        return float(np.median(hand_lengths(self.joints[hands]))) if hands.any() else float("nan")

    @property
    def other_unit(self) -> str | None:
        """The unit in which the hands have a hand's size; None where it is the one given, or there is none."""
        size, (low, high) = self.size / MM_PER_UNIT[self.unit], _LENGTH_MM
        fitting = [name for name, mm in MM_PER_UNIT.items() if low <= size * mm <= high]
        return None if self.unit in fitting or not fitting else fitting[0]


def find_faults(prediction: Given, truth: Given, comparison: Comparison) -> Iterator[str]:
    """Check two files against each other, and each against a hand.

    Args:
        prediction: the predictions.
        truth: the true joints.
        comparison: the alignment and root that are scored with.

    Yields:
        A note for each fault, with the next step.

    Raises:
        HandposeError: a file is in another unit than it was read in.
    """
    fitted = prediction.whole & (truth.known.sum(axis=1) >= _FEWEST_JOINTS)
    fit = _Fit(prediction, truth, np.flatnonzero(fitted))
    yield from _sizes(prediction, truth, fit, comparison.alignment)
    yield from _copies(prediction, truth)
    if not fitted.any():
        return
    order_notes = list(_orders(prediction, truth, fit))
    yield from order_notes
    if not order_notes:
        yield from _axes(fit, comparison)
    root = ROOTS[comparison.root]
    predicted_roots, true_roots = prediction.joints[fitted, root], truth.joints[fitted, root]
    if comparison.alignment == "none" and not predicted_roots.any() and true_roots.any():
        yield f"every predicted {comparison.root} is at 0, 0, 0, and the true ones are not: say --align root"


class _Fit:
    """Procrustes errors of some of the hands, with the predictions as they are or otherwise read.

    Args:
        prediction: the predictions.
        truth: the true joints.
        hands: rows that can be fitted.
    """

    def __init__(self, prediction: Given, truth: Given, hands: Int[ndarray, " hands"]) -> None:
        rows = hands[np.linspace(0, len(hands) - 1, min(len(hands), _AT_MOST)).astype(int)] if len(hands) else hands
        self.predicted, self.true = prediction.joints[rows], truth.joints[rows]
        self.annotated, self.rows = truth.known[rows], rows

    def errors(self, permutation: tuple[int, ...] | None = None, mirrored: bool = False) -> Float[ndarray, " hands"]:
        """Mean error of each hand after Procrustes alignment, mm."""
        predicted = self.predicted if permutation is None else self.predicted[:, permutation]
        joints = torch.from_numpy(predicted * _MIRROR if mirrored else predicted)
        annotated = torch.from_numpy(self.annotated)
        aligned = align_procrustes(joints, torch.from_numpy(self.true), annotated, WRIST)
        return self._mean(distances(*aligned).numpy())

    def point_errors(self) -> Float[ndarray, " hands"]:
        """Mean distance of each true hand's joints from their centroid, mm: the error of a single point."""
        weights = self.annotated[..., None]
        centre = (self.true * weights).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
        return self._mean(np.linalg.norm(self.true - centre, axis=-1))

    def _mean(self, errors: Float[ndarray, "hands 21"]) -> Float[ndarray, " hands"]:
        means: Float[ndarray, " hands"] = np.where(self.annotated, errors, 0).sum(1) / self.annotated.sum(1)
        return means


def _sizes(prediction: Given, truth: Given, fit: _Fit, alignment: str) -> Iterator[str]:
    """Refuse a wrong unit; note sizes that no hand has, or that differ."""
    unit = truth.other_unit
    if unit is not None:
        raise _wrong_unit(truth, unit, both=prediction.unit == truth.unit and prediction.other_unit == unit)
    unit = prediction.other_unit
    if unit is not None and alignment not in SCALE_FREE and _has_shape(fit):
        raise _wrong_unit(prediction, unit, both=False)
    for given in (prediction, truth):
        if not _LENGTH_MM[0] <= given.size <= _LENGTH_MM[1] and np.isfinite(given.size):
            looks = f"it looks like {given.other_unit}: say --{given.option}-units {given.other_unit}"
            yield f"{given.path}: {_sized(given, 'mm')}; a hand's are {_HAND}" + (
                f": {looks}" if given.other_unit else ""
            )
    both = prediction.whole & truth.whole
    if alignment in SCALE_FREE or not both.any():
        return
    predicted, true = (float(np.median(reach(given.joints[both]))) for given in (prediction, truth))
    if not 1 / _SIZE_RATIO <= predicted / true <= _SIZE_RATIO:
        yield (
            f"predicted hands are {predicted / true:.3g} times as large as the true ones, in the median: check the "
            "units of both files, or take the scale out with --align root_scale or procrustes"
        )


def _sized(given: Given, unit: str) -> str:
    size = given.size / MM_PER_UNIT[unit]
    return f"hands of {size:.3g} {unit} from the wrist to the middle finger's tip along the bones, in the median"


def _has_shape(fit: _Fit) -> bool:
    """Whether the predictions have the truth's shape, at whatever scale: a collapsed prediction has not."""
    return not len(fit.rows) or float(fit.errors().mean()) < _SIMILAR * float(fit.point_errors().mean())


def _wrong_unit(given: Given, unit: str, both: bool) -> HandposeError:
    option = "--units" if both and given.path.suffix.lower() != FREIHAND_SUFFIX else f"--{given.option}-units"
    metres = "FreiHAND's format is in metres. " if given.path.suffix.lower() == FREIHAND_SUFFIX else ""
    return HandposeError(
        f"{given.path}, {JOINTS}",
        _sized(given, given.unit),
        f"{_HAND}: the file looks like {unit}, but was read as {given.unit}",
        f"{metres}Say {option} {unit}.",
    )


def _copies(prediction: Given, truth: Given) -> Iterator[str]:
    """Note predictions that equal the truth, and files that hold one hand again and again."""
    compared = prediction.joints[prediction.whole], truth.joints[prediction.whole]
    if len(compared[0]) and np.array_equal(*compared):
        yield f"{prediction.path}: every joint is exactly the truth's: check that these are predictions"
    for given in (prediction, truth):
        about_wrist = given.joints[given.whole] - given.joints[given.whole][:, WRIST, None]
        if len(about_wrist) > 1 and np.ptp(about_wrist, axis=0).max() < 1e-3:
            yield f"{given.path}: all {len(about_wrist)} hands are the same about the wrist"


def _orders(prediction: Given, truth: Given, fit: _Fit) -> Iterator[str]:
    """Note another joint order or the mirror image, if the predictions fit far better by it."""
    pairs = _pairs(prediction, truth)
    tried = {(order, mirrored): fit.errors(order, mirrored) for order in pairs for mirrored in (False, True)}
    as_is = tuple(range(prediction.joints.shape[1]))
    own, mirror = tried[as_is, False], tried[as_is, True]
    order, mirrored = min(tried, key=lambda reading: float(tried[reading].mean()))
    best = float(tried[order, mirrored].mean())
    if best < min(_BETTER * float(own.mean()), float(own.mean()) - _BETTER_MM):
        figures = f"({best:.1f} mm instead of {own.mean():.1f}, after Procrustes alignment)"
        reordered, say = _order_note(*pairs[order], prediction, truth) if order != as_is else ("", "")
        mirror_say = (
            f"mirror them first (negate x: {JOINTS}[..., 0] *= -1; left hands taken for right ones are mirrored, too)"
        )
        what = " and ".join(part for part in (reordered, "mirrored" if mirrored else "") if part)
        yield (
            f"{prediction.path}: {what} the predictions fit far better {figures}: "
            + "; ".join(part for part in (say, mirror_say if mirrored else "") if part)
        )
        return
    mirrored_hands = (mirror < np.minimum(_BETTER * own, own - _BETTER_MM)) & (own > 2 * _BETTER_MM)
    if mirrored_hands.mean() >= _MIRRORED_SHARE:
        yield (
            f"{prediction.path}: the mirror images of {int(mirrored_hands.sum())} of {len(own)} hands fit far better: "
            "check that left hands are mirrored to right ones in both files, or in neither"
        )
    yield from _both_otherwise(prediction, truth, pairs[as_is])


def _pairs(prediction: Given, truth: Given) -> dict[tuple[int, ...], tuple[str, str]]:
    """The most plausible pair of orders, of predictions and truth, for each permutation of the predicted joints.

    Several pairs are the same permutation; that in which the joints of both files make the best hands is taken, and
    the one given where they are as good.
    """
    costs = [_known_costs(given) for given in (prediction, truth)]
    found: dict[tuple[int, ...], tuple[str, str]] = {}
    total: dict[tuple[int, ...], float] = {}
    for own in JOINT_ORDERS:
        for true in JOINT_ORDERS:
            # In both orders rows are counted as the files were read.
            of_pred = np.array(to_raw_order(prediction.order))[list(JOINT_ORDERS[own])]
            of_truth = np.array(to_raw_order(truth.order))[list(JOINT_ORDERS[true])]
            permutation = tuple(of_pred[np.argsort(of_truth)].tolist())
            cost = costs[0][own] + costs[1][true]
            cost -= 1e-9 * ((own == prediction.order) + (true == truth.order))
            if cost < total.get(permutation, float("inf")):
                found[permutation], total[permutation] = (own, true), cost
    return found


def _known_costs(given: Given) -> dict[str, float]:
    """How far from a hand's the joints are in each known order; 0 for all without whole hands."""
    hands = given.joints[given.whole][:_AT_MOST]
    if not len(hands):
        return dict.fromkeys(JOINT_ORDERS, 0.0)
    back = np.array(to_raw_order(given.order))
    orders = np.array([back[list(order)] for order in JOINT_ORDERS.values()])
    return dict(zip(JOINT_ORDERS, order_costs(hands, orders).tolist(), strict=True))


def _order_note(own: str, true: str, prediction: Given, truth: Given) -> tuple[str, str]:
    """The words for a pair of orders, and the options to give."""
    words, options = [], []
    for given, order in ((prediction, own), (truth, true)):
        if order != given.order:
            option = "--order" if given.option == "pred" else "--truth-order"
            whose = "" if given.option == "pred" else "with the truth "
            how = f"reordered from {_NAMES[order]}'s joint order" if order in _NAMES else "read in the canonical order"
            words.append(f"{whose}{how}")
            options.append(f"{option} {order}")
    return " and ".join(words), f"say {' '.join(options)}"


def _both_otherwise(prediction: Given, truth: Given, pair: tuple[str, str]) -> Iterator[str]:
    """Note where both files agree in an order that is not the one they were read in."""
    own, true = pair
    costs = _known_costs(truth)
    if true == truth.order or costs[true] > min(MOST_COST_OF_A_HAND, _BETTER * costs[truth.order]):
        return
    order = f"{_NAMES[true]}'s" if true in _NAMES else "the canonical"
    _, say = _order_note(own, true, prediction, truth)
    yield (
        f"both files look like {order} joint order: the root and the figures by joint and "
        f"finger are of other joints: {say}"
    )


def _axes(fit: _Fit, comparison: Comparison) -> Iterator[str]:
    """Note where one rotation of all predictions makes them fit far better, as of other camera axes."""
    if comparison.alignment == "procrustes":
        return
    root = ROOTS[comparison.root]
    usable = fit.annotated[:, root]
    predicted, true, annotated = fit.predicted[usable], fit.true[usable], fit.annotated[usable]
    if not len(predicted):
        return
    p = ((predicted - predicted[:, root, None]) * annotated[..., None]).reshape(-1, 3)
    t = ((true - true[:, root, None]) * annotated[..., None]).reshape(-1, 3)
    u, _, vt = np.linalg.svd(t.T @ p)
    turn = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
    own, turned = (np.linalg.norm(joints - t, axis=1).sum() / annotated.sum() for joints in (p, p @ turn.T))
    angle = np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))
    if angle > _LEAST_TURN and turned < min(_BETTER * own, own - 2 * _BETTER_MM):
        yield (
            f"turned by one and the same rotation the predictions fit far better ({turned:.1f} mm instead of {own:.1f} "
            f"about the root): check their axes (x right, y down, z away from the camera); {_axes_in_words(turn)}"
        )


def _axes_in_words(turn: Float64[ndarray, "3 3"]) -> str:
    """The rotation as axes if it is one of axes, else as a matrix."""
    whole = np.rint(turn)
    if np.abs(turn - whole).max() < 0.2:
        names = [("-" if row.sum() < 0 else "") + "xyz"[int(np.abs(row).argmax())] for row in whole]
        return f"x, y, z should be {', '.join(names)} of the predictions"
    return f"the rotation is {np.round(turn, 2).tolist()}"
