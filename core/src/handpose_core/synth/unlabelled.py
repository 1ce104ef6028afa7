"""Folders of numbered pictures without labels, made as datasets are."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from torch import Generator

from handpose_core.synth.draws import frame_generator
from handpose_core.synth.generate import Annotations, Recipe, Twin
from handpose_core.synth.layouts.images import write_image


@dataclass(frozen=True)
class UnlabelledRecipe(Recipe):
    """What the pictures depend on; ``like`` names what they are of.

    Attributes:
        size: height and width, px.
    """

    size: int = 192


class UnlabelledTwin(Twin):
    """Makes one folder of numbered pictures; it has one part, named by the recipe's ``like``."""

    recipe: UnlabelledRecipe

    @abstractmethod
    def picture(self, generator: Generator) -> UInt8[ndarray, "size size 3"]:
        """One picture, RGB, by its own generator."""

    def parts(self, frames: int) -> dict[str, int]:
        """All in one."""
        return {self.recipe.like: frames}

    def is_written(self, root: Path, part: str, number: int) -> bool:
        """See `handpose_core.synth.generate.Twin`."""
        return _path(root, number).is_file()

    def make(self, root: Path, part: str, numbers: Sequence[int]) -> Annotations:
        """See `handpose_core.synth.generate.Twin`."""
        for number in numbers:
            write_image(_path(root, number), self.picture(frame_generator(self.recipe.seed, part, number)))
        return {"frame": np.array(numbers)}

    def finish(self, root: Path, part: str, annotations: Annotations) -> None:
        """Nothing is left to write: there are no labels."""

    def patterns(self, part: str) -> Sequence[str]:
        """See `handpose_core.synth.generate.Twin`."""
        return ("[0-9]*.jpg",)


def _path(root: Path, number: int) -> Path:
    return root / f"{number:06d}.jpg"
