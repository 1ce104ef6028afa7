"""Do the joints stand in the order in which they are read?

A wrong order shows in geometry: a hand's skeleton is nearly the shortest tree through its joints, neighbouring
fingers have neighbouring knuckles, and bones keep their length while other distances change. Known orders, whole
fingers turned round or exchanged, and single pairs exchanged are tried; the most plausible is named.
"""

from collections.abc import Iterator
from itertools import combinations, permutations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from handpose_core.checks.part import Part
from handpose_core.checks.verdict import Verdict, ok, skipped, wrong
from handpose_core.geometry.hand_shape import MOST_COST_OF_A_HAND, order_costs
from handpose_core.hand import FINGER_JOINTS, FINGERS, JOINT_NAMES, JOINT_ORDERS, N_JOINTS, WRIST, to_raw_order

Order = tuple[int, ...]

_AT_MOST = 300
_MARGIN, _MARGIN_OF_ONE = 0.03, 0.3
"""By how much less than the order as read another one must cost to be believed: of many hands, and more of one."""
_TIE = 0.07
"""Of orders that cost about the same, the first is named: known ones, then whole fingers, then pairs of joints."""


def joint_order(part: Part) -> Verdict:
    """Name the most plausible order of the joints."""
    labels = part.labels
    if labels is None or not len(labels.hands):
        return skipped("no 3D labels")
    names = _candidates(labels.order)
    orders = np.array(list(names))
    hands = labels.some_hands(_AT_MOST)
    costs = order_costs(hands, orders, labels.root)
    as_read = costs[0]
    best = int(costs.argmin())
    seen = f"{len(orders)} orders tried"
    example = int(labels.hands[0])
    if costs[best] > MOST_COST_OF_A_HAND:
        return wrong(
            f"the joints make a hand in none of {seen} (cost {costs[best]:.2f}; a hand is 0.1 to 0.25)",
            f"Look at the rows in {labels.source}: their order, or the joints themselves, are not a hand's.",
            example,
        )
    if costs[best] >= (1 - _MARGIN - _MARGIN_OF_ONE / _different(hands)) * as_read:
        return ok(f"as it should be: the most plausible of {seen} (cost {as_read:.2f})")
    likely = 1 + int(np.argmax(costs[1:] <= (1 + _TIE) * costs[best]))  # the first is the order as read
    return wrong(
        f"{names[tuple(orders[likely].tolist())]} (cost {costs[likely]:.2f} against {as_read:.2f} as read; {seen})",
        f"Put the rows in {labels.source} into the layout's order, or name their order where the reader takes one.",
        example,
    )


def _different(joints: Float[ndarray, "n 21 3"]) -> int:
    """How many hands there are if views of one count once: they tell nothing more about the order."""
    reach = np.linalg.norm(joints - joints[:, :1], axis=-1)
    return len(np.unique((reach / reach.max() * 1e4).round(), axis=0))


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
    for shift, name in ((-1, "the wrist stands last"), (1, "all rows are shifted by one")):
        yield tuple(rows[(row + shift) % N_JOINTS] for row in JOINT_ORDERS[read_as]), name


def _of_fingers(fingers: tuple[str, ...], reverse: bool, only: str | None = None) -> Order:
    """The wrist, then each finger from where another one stands, turned round or not."""
    order = [WRIST]
    for place, finger in zip(FINGERS, fingers, strict=True):
        turned = reverse and only in (None, place)
        order += FINGER_JOINTS[finger][::-1] if turned else FINGER_JOINTS[finger]
    return tuple(order)
