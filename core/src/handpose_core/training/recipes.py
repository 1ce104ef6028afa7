"""Recipes: the YAML files a method's package ships under ``configs/``, asked for by name.

``--config demo`` becomes the path of ``<package>/configs/demo.yaml``; a path stays a path.
Files named ``<recipe>-<n>-<stage>.yaml`` are the stages of one recipe, in the order of n; any other file is a recipe
of one stage.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from handpose_core.errors import HandposeError

_OPTIONS = ("--config", "-c")
_SUFFIXES = (".yaml", ".yml", ".json")


TEST = "test"
"""What follows a recipe's last stage, and the name under which it gets options of its own."""
_STAGE = re.compile(r"(?:(?P<recipe>.+)-)?(?P<number>\d+)-(?P<stage>[a-z_]\w*)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class StageFile:
    """One stage of a recipe.

    Args:
        number: its place among the recipe's stages.
        name: what it is called.
        config: its YAML file.
    """

    number: int
    name: str
    config: Path

    @property
    def folder(self) -> str:
        """The name of the stage's folder in a run."""
        return f"{self.number}-{self.name}"

    @property
    def own_data(self) -> bool:
        """Whether the stage reads its own data, whatever the other stages read."""
        return bool(self._options().get("own_data", False))

    @property
    def data_root(self) -> str | None:
        """The data's folder or file, by ``data.init_args.root`` of the stage's file; None where it names none."""
        options: Any = self._options()
        for key in ("data", "init_args", "root"):
            options = options.get(key) if isinstance(options, dict) else None
        return options if isinstance(options, str) else None

    def _options(self) -> dict[str, Any]:
        import yaml  # type: ignore[import-untyped]  # here, because only a recipe's run needs it

        options = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        return options if isinstance(options, dict) else {}


@dataclass(frozen=True)
class Resolved:
    """Arguments whose recipes are paths.

    Args:
        argv: the arguments, each recipe's name replaced by its file.
        name: the stem of the last recipe or configuration file, None without any.
    """

    argv: list[str]
    name: str | None


def known_recipes(package: str) -> dict[str, Path]:
    """The recipes that a method's package ships, by name."""
    folder = Path(str(files(package))) / "configs"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_recipe(package: str, name: str) -> Path:
    """The file of a recipe, or ``name`` itself where it is a path.

    Raises:
        HandposeError: no such file, or no recipe of this name.
    """
    path = Path(name)
    if path.is_file():
        return path
    known = known_recipes(package)
    if name in known:
        return known[name]
    is_path = path.suffix in _SUFFIXES or len(path.parts) > 1
    raise HandposeError(
        "--config",
        f"'{name}', which is {'no file' if is_path else 'neither a recipe nor a file'}",
        f"a recipe ({', '.join(known) or f'{package} ships none'}) or the path of a YAML file",
        "Name one of these recipes, or check the path.",
    )


def resolve_recipes(package: str, argv: Sequence[str]) -> Resolved:
    """Replace the recipe names among the values of ``--config`` and ``-c`` by paths.

    Raises:
        HandposeError: a value is neither a recipe nor a file.
    """
    resolved: list[str] = []
    name: str | None = None
    for argument in argv:
        option, separator, value = argument.partition("=")
        if resolved and resolved[-1] in _OPTIONS:
            option, separator, value = "", "", argument
        elif option not in _OPTIONS or not separator:
            resolved.append(argument)
            continue
        path = find_recipe(package, value)
        name = path.stem
        resolved.append(f"{option}{separator}{path}")
    return Resolved(resolved, name)


def known_stages(package: str) -> dict[str, tuple[StageFile, ...]]:
    """The stages of every recipe that a method's package ships, by the recipe's name.

    Raises:
        HandposeError: two stages of a recipe share a number or a name, or one is named test.
    """
    staged: dict[str, list[StageFile]] = defaultdict(list)
    single: dict[str, tuple[StageFile, ...]] = {}
    for name, path in known_recipes(package).items():
        match = _STAGE.fullmatch(name)
        if match and match["recipe"]:
            staged[match["recipe"]].append(StageFile(int(match["number"]), match["stage"], path))
        else:
            single[name] = (StageFile(1, name, path),)
    found = single | {name: _in_order(stages) for name, stages in staged.items()}
    return dict(sorted(found.items()))


def stages_in_folder(folder: Path) -> tuple[StageFile, ...]:
    """The stages of a user's own recipe: the files ``<n>-<stage>.yaml`` of a folder.

    Raises:
        HandposeError: there are none, two share a number or a name, or one is named test.
    """
    matches = [(path, _STAGE.fullmatch(path.stem)) for path in sorted(folder.glob("*.yaml"))]
    stages = [StageFile(int(match["number"]), match["stage"], path) for path, match in matches if match]
    if not stages:
        raise HandposeError(
            f"recipe {folder}",
            f"{len(matches)} YAML files, none of them a stage",
            "files named <number>-<stage>.yaml",
            "Name the stages' files 1-first.yaml, 2-second.yaml, and so on.",
        )
    return _in_order(stages)


def _in_order(stages: Sequence[StageFile]) -> tuple[StageFile, ...]:
    if any(stage.name == TEST for stage in stages):
        raise HandposeError(
            f"recipe in {stages[0].config.parent}",
            f"a stage named {TEST}",
            "another name",
            "The test follows by itself.",
        )
    for key in ("number", "name"):
        values = [getattr(stage, key) for stage in stages]
        if twice := sorted({str(value) for value in values if values.count(value) > 1}):
            raise HandposeError(
                f"recipe in {stages[0].config.parent}",
                f"two stages with the {key} {twice[0]}",
                f"a {key} of its own for every stage",
                "Rename one of the files.",
            )
    return tuple(sorted(stages, key=lambda stage: stage.number))
