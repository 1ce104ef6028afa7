"""The tables of the thesis, a module each: ``table_3_1`` has Table 3.1 as ``TABLE``, ``census_5_1`` counts datasets."""

import pkgutil
from importlib import import_module

from handpose_benchmarks.tables.census import Census
from handpose_benchmarks.tables.spec import TableSpec
from handpose_core.errors import HandposeError

_PREFIX = "table_"
_CENSUS = "census_"


def known_tables() -> list[str]:
    """The numbers of the tables that there are."""
    return _numbers(_PREFIX)


def find_census(number: str) -> Census | None:
    """The table of this number, if it is one of datasets."""
    if number not in _numbers(_CENSUS):
        return None
    census: Census = import_module(f"{__name__}.{_CENSUS}{number.replace('.', '_')}").CENSUS
    return census


def find_table(number: str) -> TableSpec:
    """A table by its number.

    Raises:
        HandposeError: there is none of this number.
    """
    if number not in known_tables():
        raise HandposeError("table", f"'{number}'", f"one of {', '.join(known_tables())}", "Name one of these.")
    table: TableSpec = import_module(f"{__name__}.{_PREFIX}{number.replace('.', '_')}").TABLE
    return table


def _numbers(prefix: str) -> list[str]:
    names = [module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith(prefix)]
    return sorted(name.removeprefix(prefix).replace("_", ".") for name in names)
