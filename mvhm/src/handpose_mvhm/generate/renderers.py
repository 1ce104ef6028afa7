"""Who makes the colours: our renderer, or Blender's Cycles."""

from handpose_core.errors import HandposeError
from handpose_core.render import Painter
from handpose_mvhm.generate.blender.interpreter import Interpreter
from handpose_mvhm.generate.blender.painter import CyclesPainter
from handpose_mvhm.generate.recipe import TORCH


def blenders_name(python: str) -> str:
    """What a recipe calls the Blender of a Python; another version draws other bits.

    Args:
        python: it can import ``bpy``.

    Raises:
        HandposeError: it cannot.
    """
    interpreter = Interpreter(python)
    interpreter.close()
    return _name(interpreter)


def painter(renderer: str, python: str) -> Painter | None:
    """Who makes the colours for a recipe; None where it is our renderer.

    Args:
        renderer: as the recipe says.
        python: where Blender is, if it is Blender.

    Raises:
        HandposeError: it has no Blender, or another one than the recipe's.
    """
    if renderer == TORCH:
        return None
    interpreter = Interpreter(python)
    if _name(interpreter) != renderer:
        interpreter.close()
        raise HandposeError(
            f"--blender-python {python}", _name(interpreter), f"{renderer}, as everywhere else in this dataset",
            "Give every machine the same version of bpy.",
        )  # fmt: skip
    return CyclesPainter(interpreter)


def _name(interpreter: Interpreter) -> str:
    return f"blender {interpreter.version}"
