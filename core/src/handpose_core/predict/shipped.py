"""The model that is used when none is named: the suite's own."""

from importlib.resources import files
from pathlib import Path

from handpose_core.errors import HandposeError

SHIPPED = Path(str(files("handpose_core.predict") / "assets" / "onehand.safetensors"))
"""Where it is; its card is beside it, and `handpose onehand pack --shipped` writes both."""


def shipped_model() -> Path:
    """The packed model that comes with the suite.

    Raises:
        HandposeError: this installation has none.
    """
    if not SHIPPED.is_file():
        raise HandposeError(
            "model",
            "nothing: no model comes with this version",
            "a trained one",
            "Give --checkpoint <run folder>/fit/checkpoints/best.ckpt, or --model FILE.onnx.",
        )
    return SHIPPED
