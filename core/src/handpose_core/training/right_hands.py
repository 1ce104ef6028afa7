"""Check that data show hands in the way that a module was trained with; the record is the checkpoint's history."""

from collections.abc import Mapping, Sequence

from handpose_core.errors import HandposeError
from handpose_core.geometry.handedness import HANDS_AS_THEY_ARE, HANDS_KEY, MIRRORED_HANDS


def shown_as_right(history: Sequence[Mapping[str, str]]) -> bool:
    """Return whether weights were last trained on left hands that were mirrored to right ones.

    Args:
        history: What the weights were trained on, training by training.

    Returns:
        False for weights of versions that did not mirror, and for those that never were trained.
    """
    return bool(history) and _way(history[-1]).startswith(MIRRORED_HANDS)


def check_hands(history: Sequence[Mapping[str, str]], data: Mapping[str, str]) -> None:
    """Refuse data that show left hands in another way than those that the weights were last trained on.

    Args:
        history: What the weights were trained on, training by training; empty for new ones.
        data: The description of what they meet now; without a record of hands nothing is checked.

    Raises:
        HandposeError: The ways differ.
    """
    if not history or HANDS_KEY not in data:
        return
    trained, given = shown_as_right(history), _way(data).startswith(MIRRORED_HANDS)
    if trained != given:
        raise HandposeError(
            f"data, {data.get('dataset', 'unknown dataset')}, right_handed",
            f"hands shown {_way(data)}",
            f"{_way(history[-1])}, as the weights were trained with",
            f"Set --data.right_handed {str(trained).lower()}.",
        )


def _way(description: Mapping[str, str]) -> str:
    return description.get(HANDS_KEY, HANDS_AS_THEY_ARE)
