"""What ``handpose`` can run: methods and commands that installed packages register as entry points.

A package names a `Method` under the group ``handpose.methods`` or a `Command` under ``handpose.commands``:

    [project.entry-points."handpose.methods"]
    dggan = "handpose_dggan.cli:METHOD"

The module that holds the object must import nothing heavy: ``handpose --help`` imports all of them.
"""

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Protocol, TypeVar, runtime_checkable

from handpose_core.errors import HandposeError

Entry = TypeVar("Entry", "Method", "Command")


@dataclass(frozen=True)
class Method:
    """A method that can be trained, tested and used.

    Args:
        summary: one line for ``handpose --help``.
        module: its `HandPoseModule` class as ``"package.module:Class"``, imported when it is run. The
            package that this module lies in holds the method's recipes under ``configs/``.
        commands: what else it can do, such as make the data it learns from: ``handpose <method> <command>``.
    """

    summary: str
    module: str
    commands: Mapping[str, "Command"] = field(default_factory=dict)

    @property
    def package(self) -> str:
        """The package that holds the module and the recipes, such as ``handpose_dggan``."""
        return self.module.partition(":")[0].rpartition(".")[0]

    def load(self) -> type[Any]:
        """Import the LightningModule class."""
        loaded: type[Any] = load_target(self.module)
        return loaded


@dataclass(frozen=True)
class Command:
    """A further command of ``handpose``.

    Args:
        summary: one line for ``handpose --help``.
        main: ``"module:function"``, imported when it is run; called with the arguments after the
            command's name, returns the exit status.
    """

    summary: str
    main: str

    def load(self) -> Callable[[Sequence[str]], int]:
        """Import the function that runs the command."""
        loaded: Callable[[Sequence[str]], int] = load_target(self.main)
        return loaded


def methods() -> dict[str, Method]:
    """Every installed method by name, in alphabetical order.

    Raises:
        HandposeError: a registered method cannot be loaded.
    """
    return _discover("handpose.methods", Method)


def commands() -> dict[str, Command]:
    """Every installed command by name, in alphabetical order.

    Raises:
        HandposeError: a registered command cannot be loaded.
    """
    return _discover("handpose.commands", Command)


def load_target(target: str) -> Any:
    """Import the object that ``"module:object"`` names.

    Raises:
        HandposeError: the module cannot be imported or has no such object.
    """
    try:
        return pkgutil.resolve_name(target)
    except (ImportError, AttributeError) as error:
        package = target.split(":")[0].split(".")[0]
        raise HandposeError(
            target,
            f"{type(error).__name__}: {error}",
            "an installed module with that name in it",
            f"Reinstall the package that brings {package}.",
        ) from error


def _discover(group: str, kind: type[Entry]) -> dict[str, Entry]:
    points = sorted(entry_points(group=group), key=lambda point: point.name)
    return {point.name: _load(point, kind) for point in points}


@runtime_checkable
class _Point(Protocol):
    """The standard library's EntryPoint, or the class of importlib_metadata's: imported, that takes its place."""

    name: str
    value: str
    group: str

    def load(self) -> Any:
        """Import what it names."""


def _load(point: _Point, kind: type[Entry]) -> Entry:
    """Load one plugin; a broken one fails by name rather than being left out."""
    try:
        loaded = point.load()
        problem = "" if isinstance(loaded, kind) else f"a {type(loaded).__name__}"
    except Exception as error:  # whatever a plugin raises while it is imported is reported under its name
        loaded, problem = None, f"{type(error).__name__}: {error}"
    if not isinstance(loaded, kind):
        distribution = getattr(point, "dist", None)
        package = distribution.name if distribution else point.value.split(".")[0]
        raise HandposeError(
            f"plugin '{point.name}' of package {package} ({point.group}, {point.value})",
            problem,
            f"a handpose_core.cli.registry.{kind.__name__}",
            f"Reinstall {package}, or remove it with: python -m pip uninstall {package}",
        )
    return loaded
