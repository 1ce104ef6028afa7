"""Recipes: the YAML files a method's package ships under ``configs/``, asked for by name.

``--config demo`` becomes the path of ``<package>/configs/demo.yaml``; a path stays a path.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from handpose_core.errors import HandposeError

_OPTIONS = ("--config", "-c")
_SUFFIXES = (".yaml", ".yml", ".json")


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
