"""A module's arguments, as the command line has them: of a module made in Python they are objects."""

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any, get_type_hints

from jsonargparse import Namespace


def described(arguments: Mapping[str, Any], of: type[Any]) -> Namespace:
    """Arguments with the options that build them in place of dataclasses; those that are options are left as they are.

    Args:
        arguments: by name.
        of: what takes them.
    """
    # only where they are needed: a plugin's may name what is imported for type checkers alone
    hints = get_type_hints(of.__init__) if any(map(is_dataclass, arguments.values())) else {}
    return _options({name: _described(value, hints.get(name)) for name, value in arguments.items()})


def partial_defaults(of: type[Any]) -> dict[str, dict[str, Any]]:
    """Return the options that build the defaults of the form ``partial(Adam, lr=1e-4)``.

    jsonargparse cannot write a partial into a configuration file, nor can a user change one of its arguments.

    Args:
        of: the class whose ``__init__`` has the defaults.

    Returns:
        By argument: ``class_path`` and ``init_args``.
    """
    parameters = inspect.signature(of.__init__).parameters.values()
    return {
        parameter.name: {
            "class_path": f"{parameter.default.func.__module__}.{parameter.default.func.__qualname__}",
            "init_args": dict(parameter.default.keywords),
        }
        for parameter in parameters
        if isinstance(parameter.default, partial)
    }


def _described(value: Any, hint: Any) -> Any:
    if not is_dataclass(value) or isinstance(value, type):
        return value
    kind = type(value)
    options = described({part.name: getattr(value, part.name) for part in fields(value) if part.init}, kind)
    if hint is kind:
        return options
    return _options({"class_path": f"{kind.__module__}.{kind.__qualname__}", "init_args": options})


def _options(values: dict[str, Any]) -> Namespace:
    return Namespace(values)  # type: ignore[no-untyped-call]
