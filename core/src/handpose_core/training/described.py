"""A module's arguments, as the command line has them: of a module made in Python they are objects."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
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
