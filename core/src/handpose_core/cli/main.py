"""``handpose <method or command> ...``: finds what is installed and hands the arguments on."""

import difflib
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version

from handpose_core.cli import registry
from handpose_core.cli.guard import USER_ERROR, guarded
from handpose_core.cli.method import run_method
from handpose_core.cli.options import join_negative_values
from handpose_core.errors import HandposeError


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``handpose``; the exit status."""
    arguments = join_negative_values(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _dispatch(arguments), arguments)


def _dispatch(arguments: Sequence[str]) -> int:
    name = arguments[0] if arguments else ""
    if name in ("--version", "-V"):
        print(f"handpose {version('handpose-core')}")
        return 0
    methods, commands = registry.methods(), registry.commands()
    if name in ("", "-h", "--help"):
        print(_help(methods, commands))
        return 0 if name else USER_ERROR
    if name in methods:
        return run_method(name, methods[name], arguments[1:], prog=f"handpose {name}")
    if name in commands:
        return commands[name].load()(arguments[1:])
    raise _unknown(name, [*methods, *commands])


def _help(methods: Mapping[str, registry.Method], commands: Mapping[str, registry.Command]) -> str:
    width = max(map(len, [*methods, *commands]), default=0) + 2
    return "\n".join(
        [
            "usage: handpose <method> fit|validate|test|predict [--config RECIPE] ...",
            "       handpose <command> ...",
            "       handpose --help | --version",
            "",
            "3D hand pose and mesh estimation.",
            "",
            "methods:",
            *_listed(width, methods),
            *([] if methods else ["  none installed; for example: python -m pip install handpose-dggan"]),
            "",
            "commands:",
            *(f"  {name:<{width}}{command.summary}" for name, command in commands.items()),
            "",
            "Add --help after any of them for its own options.",
            "",
            "exit status: 0 done; 1 done, with findings (data check) or failed rows (bench table);",
            "2 an error to put right; 130 interrupted. HANDPOSE_TRACEBACK=1 shows where an error arose.",
        ]
    )


def _listed(width: int, methods: Mapping[str, registry.Method]) -> Iterator[str]:
    """A line for each method, and one for each further command that it brings."""
    for name, method in methods.items():
        yield f"  {name:<{width}}{method.summary}"
        for further, command in method.commands.items():
            yield f"  {'':<{width}}- handpose {name} {further}: {command.summary}"


def _unknown(name: str, known: Sequence[str]) -> HandposeError:
    close = difflib.get_close_matches(name, known, n=1)
    return HandposeError(
        "handpose",
        f"'{name}'",
        f"one of {', '.join(known)}",
        f"Did you mean 'handpose {close[0]}'?" if close else "See handpose --help.",
    )


if __name__ == "__main__":
    sys.exit(main())
