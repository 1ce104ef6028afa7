"""The tables of the thesis, a module each: ``table_3_1`` holds Table 3.1 as ``TABLE``."""

import pkgutil
from importlib import import_module

from handpose_benchmarks.tables.spec import TableSpec
from handpose_core.errors import HandposeError

_PREFIX = "table_"


def known_tables() -> list[str]:
    """The numbers of the tables that there are."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith(_PREFIX)]
    return sorted(name.removeprefix(_PREFIX).replace("_", ".") for name in names)


def find_table(number: str) -> TableSpec:
    """A table by its number.

    Raises:
        HandposeError: there is none of this number.
    """
    if number not in known_tables():
        raise HandposeError("table", f"'{number}'", f"one of {', '.join(known_tables())}", "Name one of these.")
    table: TableSpec = import_module(f"{__name__}.{_PREFIX}{number.replace('.', '_')}").TABLE
    return table
