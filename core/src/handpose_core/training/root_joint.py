"""Check that data have the joint 0 that a module was trained about; the record is the checkpoint's history."""

from collections.abc import Mapping, Sequence

from pytorch_lightning.utilities import rank_zero_only

from handpose_core.datasets.wrist import NO_ROOT, WRIST_RULES, common_root, root_joint
from handpose_core.errors import HandposeError

#: Under this key datamodules describe what joint 0 is; parts of a mixture and rehearsed data have a prefix before it.
ROOT_KEY = "root_joint"


def roots_in(description: Mapping[str, str]) -> set[str]:
    """Return the root joints that a description of data names, those of parts and of rehearsed data included.

    Args:
        description: Of a datamodule, or a chapter of a module's history.

    Returns:
        Root joints as `handpose_core.datasets.wrist.root_joint` writes them; empty where none is recorded.
    """
    named = {key: value for key, value in description.items() if key.replace(".", " ").split(" ")[-1] == ROOT_KEY}
    return set(named.values()) - {NO_ROOT}


def check_root(history: Sequence[Mapping[str, str]], data: Mapping[str, str]) -> None:
    """Refuse data whose joint 0 is not the one that the weights were trained about.

    Weights without a record (of an older version, or of data that do not say) get a note.

    Args:
        history: What the weights were trained on, training by training; empty for new ones.
        data: The description of what they meet now.

    Raises:
        HandposeError: The roots differ.
    """
    trained, given = set().union(*map(roots_in, history)), roots_in(data)
    if history and not trained and given:
        rank_zero_only(print)(
            "note: the checkpoint does not record the joint 0 (wrist or palm) that it was trained about; "
            f"joint 0 of these data is the {_named(given)}"
        )
    if not given or common_root(trained | given) is not None:
        return
    raise HandposeError(
        f"data, {data.get('dataset', 'unknown dataset')}, {ROOT_KEY}",
        f"joint 0 is the {_named(given)}",
        f"the {_named(trained)}, which the weights were trained about" if trained else "one joint 0 in all data",
        f"Set --data.wrist_rule {_rule(trained)}, or take weights that were trained about the {_named(given)}.",
    )


def _named(roots: set[str]) -> str:
    return " and the ".join(sorted(roots))


def _rule(roots: set[str]) -> str:
    """Return the rule that places these roots: the default where the wrist itself is labelled."""
    return next((rule for rule in WRIST_RULES if root_joint(rule) in roots), WRIST_RULES[0])
