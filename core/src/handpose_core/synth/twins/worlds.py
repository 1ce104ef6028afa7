"""The world a recipe names, one a process."""

from functools import cache

from handpose_core.synth.backgrounds import background_of
from handpose_core.synth.generate import Recipe
from handpose_core.synth.scene import Look, Size
from handpose_core.synth.source import SourceLook
from handpose_core.synth.target import TargetLook
from handpose_core.synth.world import World


@cache
def world_of(recipe: Recipe, size: Size) -> World:
    """The recipe's world for pictures of a size; kept, because building it costs more than a chunk of frames."""
    return World(_look(recipe), size)


def _look(recipe: Recipe) -> Look:
    if recipe.world == "target":
        return TargetLook()
    return SourceLook(background_of(recipe.backgrounds))
