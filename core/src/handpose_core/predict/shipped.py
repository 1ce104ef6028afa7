"""The model that is used when none is named: the place where the suite's own will be."""

from pathlib import Path

from handpose_core.errors import HandposeError


def shipped_model() -> Path:
    """The exported model that comes with the suite.

    Raises:
        HandposeError: none does, so far.
    """
    raise HandposeError(
        "model",
        "nothing: no model comes with this version",
        "a trained one",
        "Give --checkpoint <run folder>/fit/checkpoints/best.ckpt, or --model FILE.onnx.",
    )
