"""Runs a method, for ``handpose <method>`` and for the method's own console script."""

import sys
from collections.abc import Sequence

from handpose_core.cli.guard import guarded
from handpose_core.cli.options import join_negative_values
from handpose_core.cli.registry import Method
from handpose_core.training.recipes import resolve_recipes


def method_main(name: str, method: Method, argv: Sequence[str] | None = None) -> int:
    """The whole of a method's console script ``handpose-<name>``; the exit status."""
    arguments = join_negative_values(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: run_method(name, method, arguments, prog=f"handpose-{name}"), arguments)


def run_method(name: str, method: Method, argv: Sequence[str], prog: str) -> int:
    """Fit, validate, test or predict with a method, or run a further command of its; the exit status.

    Args:
        name: the method's name.
        method: the method.
        argv: the arguments after the name.
        prog: how the user called it, for usage messages.
    """
    if argv and argv[0] in method.commands:
        return method.commands[argv[0]].load()(argv[1:])
    resolved = resolve_recipes(method.package, argv)
    from handpose_core.training.cli import run  # Lightning takes seconds to import; `handpose --help` must not

    return run(name, method, resolved, prog)
