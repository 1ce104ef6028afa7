"""Pickles from strangers: numbers, text and numpy's numeric arrays in builtin containers, nothing else.

A pickle can name any callable. Here only the names below resolve, and numpy's own are replaced by
stand-ins, because numpy's unpickling trusts its input too (an object dtype turns bytes into pointers).
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.io.foreign import refuse_foreign

_NUMERIC_KINDS = "biufc"


class _Dtype:
    """Stands in for ``numpy.dtype``: numeric types only."""

    def __init__(self, name: str, *_: object) -> None:
        self.dtype = np.dtype(name)
        if self.dtype.kind not in _NUMERIC_KINDS:
            raise pickle.UnpicklingError(f"an array of dtype {name!r}, which is not numeric")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


def _array(raw: bytes | bytearray | str, dtype: _Dtype, shape: tuple[int, ...], order: str) -> ndarray:
    # Python 2 stored the bytes as str; latin1 maps them back one to one.
    data = raw.encode("latin1") if isinstance(raw, str) else raw
    flat = np.frombuffer(data, dtype.dtype).astype(dtype.dtype.newbyteorder("="))
    return flat.reshape(shape[::-1]).T if order == "F" else flat.reshape(shape)


class _Array(ndarray):
    """Stands in for ``numpy.ndarray`` while its state is read."""

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, raw = state
        values = _array(raw, dtype, shape, "F" if fortran else "C")
        # numpy types the fourth as its own bool but takes only a plain one.
        super().__setstate__((1, values.shape, values.dtype, False, values.tobytes()))  # type: ignore[arg-type]


def _reconstruct(*_: object) -> _Array:
    return _Array(0)


def _frombuffer(raw: bytes | bytearray, dtype: _Dtype, shape: tuple[int, ...], order: str, *_: object) -> ndarray:
    return _array(raw, dtype, shape, order)


def _scalar(dtype: _Dtype, raw: bytes | str) -> np.generic:
    value: np.generic = _array(raw, dtype, (1,), "C")[0]
    return value


def _latin1(text: str, encoding: str) -> bytes:
    """Stands in for ``_codecs.encode``, by which protocol 2 spells bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"text encoded as {encoding!r}")
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], object] = {
    ("_codecs", "encode"): _latin1,
    ("numpy", "ndarray"): ndarray,
    ("numpy", "dtype"): _Dtype,
    **{
        (f"numpy.{core}.{module}", name): stand_in
        for core in ("core", "_core")
        for module, name, stand_in in (
            ("multiarray", "_reconstruct", _reconstruct),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _frombuffer),
        )
    },
    **{
        (module, kind.__name__): kind
        for module in ("builtins", "__builtin__")
        for kind in (set, frozenset, complex, bytearray, bytes)
    },
}


class _RestrictedUnpickler(pickle.Unpickler):
    path: Path

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise HandposeError(
                str(self.path),
                f"the class {module}.{name}",
                "a pickle of numpy arrays in builtin containers only",
                "Nothing of it was run. Get the file from its authors again; do not load it otherwise.",
            ) from None


def load_pickle(path: Path) -> object:
    """Read a pickle of numeric numpy arrays in builtin containers, written by Python 2 or 3, in native byte order.

    Raises:
        HandposeError: the file names any other class or function (which is not run), or is no whole pickle.
    """
    with path.open("rb") as file:
        unpickler = _RestrictedUnpickler(file, encoding="latin1")
        unpickler.path = path
        try:
            return unpickler.load()
        except HandposeError:
            raise
        except Exception as error:  # a damaged pickle can raise nearly anything
            refuse_foreign(path, "a whole pickle of numeric numpy arrays in builtin containers")
            raise HandposeError(
                str(path),
                f"a pickle that cannot be read ({type(error).__name__}: {error})",
                "a whole pickle of numeric numpy arrays in builtin containers",
                "Get the file again; it may have been cut off in the download.",
            ) from error
