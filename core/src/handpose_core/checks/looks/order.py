"""Do the joints stand in the order in which they are read?

A wrong order shows in geometry: a hand's skeleton is nearly the shortest tree through its joints, neighbouring
fingers have neighbouring knuckles, and bones keep their length while other distances change. Known orders, whole
fingers turned round or exchanged, and single pairs exchanged are tried; the most plausible is named.
"""

from collections.abc import Iterator
from itertools import combinations, pairwise, permutations

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from handpose_core.checks.part import Part
from handpose_core.checks.verdict import Verdict, ok, skipped, wrong
from handpose_core.hand import BONES, FINGER_JOINTS, FINGERS, JOINT_NAMES, JOINT_ORDERS, N_JOINTS, WRIST, to_raw_order

Order = tuple[int, ...]

_AT_MOST = 300
_MARGIN = 0.05
"""By how much less than the order as read another one must cost to be believed."""
_KNUCKLES = tuple(joints[0] for joints in FINGER_JOINTS.values())
_LINKS = np.array([*BONES, *pairwise(_KNUCKLES)])


def joint_order(part: Part) -> Verdict:
    """Name the most plausible order of the joints."""
    labels = part.labels
    if labels is None or not len(labels.hands):
        return skipped("no 3D labels")
    names = _candidates(labels.order)
    orders = np.array(list(names))
    costs = _costs(labels.some_hands(_AT_MOST), orders)
    as_read = costs[list(names).index(JOINT_ORDERS["canonical"])]
    best = int(costs.argmin())
    seen = f"{len(orders)} orders tried"
    if costs[best] >= (1 - _MARGIN) * as_read:
        return ok(f"as it should be: the most plausible of {seen}, or as good")
    return wrong(
        f"{names[tuple(orders[best].tolist())]} (cost {costs[best]:.3g} against {as_read:.3g} as read; {seen})",
        f"Put the rows in {labels.source} into the layout's order.",
        int(labels.hands[0]),
    )


def _costs(joints: Float[ndarray, "n 21 3"], orders: Int[ndarray, "m 21"]) -> Float[ndarray, " m"]:
    """How far from a hand's each order is: mean length of the links in hand radii, and how much they change."""
    distances = np.linalg.norm(joints[:, :, None] - joints[:, None], axis=-1)
    mean, deviation = distances.mean(0), distances.std(0)
    starts, ends = orders[:, _LINKS[:, 0]], orders[:, _LINKS[:, 1]]
    cost: Float[ndarray, " m"] = (mean[starts, ends] + deviation[starts, ends]).mean(1) / mean.mean()
    return cost


def _candidates(read_as: str) -> dict[Order, str]:
    """Orders to try, as ``right = as_read[order]``, and what to say of each; the first name of an order counts."""
    found: dict[Order, str] = {}
    for order, name in _named(read_as):
        found.setdefault(order, name)
    return found


def _named(read_as: str) -> Iterator[tuple[Order, str]]:
    yield JOINT_ORDERS["canonical"], "as read"
    rows = to_raw_order(read_as)
    reversed_fingers = _of_fingers(FINGERS, reverse=True)
    for name, order in JOINT_ORDERS.items():
        if name != read_as:
            candidate = tuple(rows[row] for row in order)
            hint = ", fingers run the other way (tip and palm exchanged)" if candidate == reversed_fingers else ""
            yield candidate, f"looks like {name} order, read as {read_as}{hint}"
    yield reversed_fingers, "fingers run tip to palm"
    for finger in FINGERS:
        yield _of_fingers(FINGERS, reverse=True, only=finger), f"the {finger} runs tip to palm"
    for fingers in permutations(FINGERS):
        exchanged = ", ".join(f"{a} stands as {b}" for a, b in zip(FINGERS, fingers, strict=True) if a != b)
        yield _of_fingers(fingers, reverse=False), f"fingers are exchanged: {exchanged}"
        yield _of_fingers(fingers, reverse=True), f"fingers run tip to palm and are exchanged: {exchanged}"
    for a, b in combinations(range(N_JOINTS), 2):
        swapped = list(range(N_JOINTS))
        swapped[a], swapped[b] = b, a
        yield tuple(swapped), f"{JOINT_NAMES[a]} and {JOINT_NAMES[b]} are exchanged"
    for shift in (1, -1):
        yield tuple(np.roll(range(N_JOINTS), shift).tolist()), _ROLLED[shift]


_ROLLED = {1: "the wrist stands last", -1: "all rows are shifted by one"}


def _of_fingers(fingers: tuple[str, ...], reverse: bool, only: str | None = None) -> Order:
    """The wrist, then each finger from where another one stands, turned round or not."""
    order = [WRIST]
    for place, finger in zip(FINGERS, fingers, strict=True):
        turned = reverse and only in (None, place)
        order += FINGER_JOINTS[finger][::-1] if turned else FINGER_JOINTS[finger]
    return tuple(order)
