"""Every packaged recipe of every method, its folders taken away one at a time: each is missed before anything runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from handpose_core.cli.registry import methods
from handpose_core.errors import HandposeError
from handpose_core.training.experiment.preflight import Preflight, Step
from handpose_core.training.recipes import known_recipes
from handpose_core.training.stages import Stage

FOLDERS = ("root", "test_root", "simulated", "handless", "backgrounds", "real", "drawn", "photographs")
RECIPES = [(name, recipe) for name, method in methods().items() for recipe in known_recipes(method.package)]


def folders(options: object) -> Iterator[str]:
    """Yield the values of all options that name folders, however deep."""
    if isinstance(options, dict):
        for key, value in options.items():
            if key in FOLDERS and isinstance(value, str):
                yield value
            yield from folders(value)
    elif isinstance(options, list):
        for value in options:
            yield from folders(value)


@pytest.mark.filterwarnings("ignore")  # jsonargparse's own, of a whole parse
@pytest.mark.parametrize(("method", "recipe"), RECIPES)
def test_each_folder_of_a_recipe_is_missed_before_its_first_step(
    method: str, recipe: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    named = set(folders(yaml.safe_load(known_recipes(methods()[method].package)[recipe].read_text())))
    assert named or recipe == "rendered"  # which makes its hands itself
    for missing in named:
        for other in named - {missing}:
            Path(other).mkdir(parents=True, exist_ok=True)
        with pytest.raises(HandposeError, match=f"(?s){missing}.*Put the data there|{missing}: found no such folder"):
            Preflight().check(Step(Stage(method, recipe, ("--config", recipe))))
        for path in sorted(tmp_path.rglob("*"), reverse=True):
            path.rmdir()  # nothing was written beside the folders
