"""The parts of the estimator that are trained apart, and which of them a history of trainings has covered."""

from collections.abc import Iterable, Mapping
from typing import Literal

from handpose_core.errors import HandposeError

TrainPart = Literal["all", "pose", "detector", "presence"]
#: Values of ``learns`` in histories of weights from before parts had their present names.
_EARLIER_PARTS = {"reader": "pose", "glance": "detector", "verdict": "presence"}


def check_trained(history: Iterable[Mapping[str, str]], where: str) -> None:
    """Refuse weights whose trainings have left out the detector or the pose network.

    Weights without any history pass: an untrained network is one to compare with.

    Args:
        history: The trainings of the weights, in order.
        where: The weights, for the message.

    Raises:
        HandposeError: The detector, or the pose network, is untrained.
    """
    recorded = (chapter.get("train_part", chapter.get("learns", "all")) for chapter in history)
    trained = {_EARLIER_PARTS.get(part, part) for part in recorded}
    for part, name in (("detector", "detector"), ("pose", "pose network")):
        if trained and not trained & {"all", part}:
            raise HandposeError(
                where, f"an untrained {name}: trainings so far were of {', '.join(sorted(trained))} alone",
                "weights of which both are trained",
                f"Train it, too: handpose onehand fit --model.train_part {part} --init_from CKPT ...",
            )  # fmt: skip
