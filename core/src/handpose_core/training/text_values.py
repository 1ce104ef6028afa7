"""Text in options and configuration files, such as paths with ``#``, ``[`` or ``:``, kept as it stands.

jsonargparse reads every value of the command line as YAML before it looks at the option's type.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml  # type: ignore[import-untyped]
from jsonargparse import get_loader, set_dumper, set_loader
from jsonargparse._paths import Path as ConfigPath

from handpose_core.io.streams import is_utf
from handpose_core.training.arguments import is_option

_PATHS = ("path", "dirpath", "default_root_dir", "run_dir", "ckpt_path", "init_from")
"""Options of Lightning, the suite and its models that are paths, by the last part of their names."""
_NULLS = ("", "~", "null", "Null", "NULL")
_TEXTS: ContextVar[frozenset[str]] = ContextVar("texts", default=frozenset())
_read_yaml = get_loader("yaml")
_read_text = ConfigPath.read_text


@contextmanager
def texts_kept(argv: Sequence[str], datamodules: Iterable[type[Any]]) -> Iterator[None]:
    """Keep the values of options for text as they stand while jsonargparse parses the command line.

    Args:
        argv: the command line.
        datamodules: the classes whose text options are known by name, such as ``--data.root``.
    """
    names = {*_PATHS, *_text_parameters(datamodules)}
    texts: set[str] = set()
    others: set[str] = set()
    option = ""
    for argument in argv:
        if is_option(argument):
            option, separator, value = argument.partition("=")
            if not separator:
                continue
        else:
            value = argument
        (texts if option.lstrip("-").rpartition(".")[2] in names else others).add(value)
    token = _TEXTS.set(frozenset(texts - others - {*_NULLS}))
    try:
        yield
    finally:
        _TEXTS.reset(token)


def _text_parameters(classes: Iterable[type[Any]]) -> set[str]:
    """Return the names of the parameters that are text in every one of the classes that has them."""
    found: dict[str, bool] = {}
    for kind in classes:
        for name, hint in get_type_hints(kind.__init__).items():
            found[name] = found.get(name, True) and _is_text(hint)
    return {name for name, is_text in found.items() if is_text}


def _is_text(hint: Any) -> bool:
    if get_origin(hint) in (Union, UnionType):
        return all(_is_text(part) or part is NoneType for part in get_args(hint))
    return hint in (str, Path)


def _load(stream: str) -> Any:
    """Read YAML as jsonargparse does, but for values that are text."""
    if stream in _TEXTS.get():
        return stream
    try:
        value = _read_yaml(stream)
    except TypeError:  # jsonargparse on a mapping without a key
        return stream
    hidden = value is None and "\n" not in stream and stream.strip() not in _NULLS  # a comment, an anchor
    return stream if hidden else value


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Quote text that jsonargparse's loader takes for a number, as ``1e3``; YAML 1.1 does not."""


def _represent_text(dumper: _Dumper, text: str) -> Any:
    try:
        float(text)
    except ValueError:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'")


_Dumper.add_representer(str, _represent_text)


def _dump(data: Any) -> str:
    text: str = yaml.dump(data, Dumper=_Dumper, default_flow_style=False, allow_unicode=is_utf(), sort_keys=False)
    return text


def _read_utf8(path: ConfigPath) -> str:
    """Read a configuration file, in UTF-8 whatever the locale; jsonargparse takes the locale's encoding."""
    local = Path(path.absolute)
    return local.read_text(encoding="utf-8-sig") if local.is_file() else _read_text(path)


def keep_texts() -> None:
    """Have jsonargparse read and write YAML by the functions of this module, and read files as UTF-8.

    Text that standard output cannot encode is escaped as YAML has it, so that a printed configuration is read again.
    """
    ConfigPath.read_text = _read_utf8  # type: ignore[assignment, method-assign]
    set_loader("yaml", _load, exceptions=(yaml.YAMLError,))
    set_dumper("yaml", _dump)
