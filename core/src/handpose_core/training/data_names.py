"""Short names of datamodules: ``--data RHD`` stands for ``handpose_core.datamodules.rhd.RHDDataModule``."""

import inspect
import pkgutil
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from pytorch_lightning import LightningDataModule

from handpose_core import datamodules
from handpose_core.errors import HandposeError

_OPTION = "--data"
_SUFFIX = "DataModule"


def known_datamodules() -> dict[str, type[LightningDataModule]]:
    """The datamodules of handpose-core and of everything imported so far, by short name."""
    for module in pkgutil.iter_modules(datamodules.__path__):
        import_module(f"{datamodules.__name__}.{module.name}")
    return {
        short_name(kind.__name__): kind
        for kind in _subclasses(LightningDataModule)
        if not inspect.isabstract(kind)
        and not kind.__name__.startswith("_")  # stand-ins of the suite's own
        and not kind.__module__.startswith("pytorch_lightning")
    }


def short_name(class_path: str) -> str:
    """``RHD`` of ``handpose_core.datamodules.rhd.RHDDataModule``."""
    return class_path.rpartition(".")[2].removesuffix(_SUFFIX)


def resolve_data(argv: Sequence[str]) -> list[str]:
    """Replace the short name among the values of ``--data`` by the class's path.

    Raises:
        HandposeError: it is no datamodule's short name, class name or dotted path, and no file.
    """
    known = known_datamodules()
    resolved: list[str] = []
    for argument in argv:
        option, separator, value = argument.partition("=")
        if resolved and resolved[-1] == _OPTION:
            resolved.append(_class_path(argument, known))
        elif option == _OPTION and separator:
            resolved.append(f"{option}={_class_path(value, known)}")
        else:
            resolved.append(argument)
    return resolved


def _class_path(value: str, known: dict[str, type[LightningDataModule]]) -> str:
    if "." in value or Path(value).is_file():
        return value
    kind = known.get(short_name(value))
    if kind is None:
        raise HandposeError(
            _OPTION,
            f"'{value}'",
            f"one of {', '.join(sorted(known))}, or a class as package.module.Class",
            "Check the spelling.",
        )
    return f"{kind.__module__}.{kind.__qualname__}"


def _subclasses(kind: type[LightningDataModule]) -> Iterator[type[LightningDataModule]]:
    for child in kind.__subclasses__():
        yield child
        yield from _subclasses(child)
