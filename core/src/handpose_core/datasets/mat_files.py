"""Reading MATLAB 5 files safely: the structure is checked before scipy's compiled reader sees it.

On a damaged file that reader can end the process (a data type out of its table is a null pointer there).
Format: MathWorks, "MAT-File Format" (level 5).
"""

import struct
import zlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import scipy.io

from handpose_core.errors import HandposeError
from handpose_core.io.foreign import refuse_foreign

_HEADER = 128
_MATRIX, _COMPRESSED, _INT8, _INT32, _UINT32 = 14, 15, 1, 5, 6
_NUMBER_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
_TEXT = {16, 17, 18}
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMERIC_CLASSES = range(6, 16)


class _DamagedError(ValueError):
    """The file is not what the format says."""


def load_mat(path: Path, what: str, variables: Sequence[str] | None = None, simplify: bool = False) -> dict[str, Any]:
    """The variables of a level 5 ``.mat`` file.

    Args:
        path: the file.
        what: what it should be, for the message.
        variables: which to read; all without.
        simplify: structs as dicts, as scipy's ``simplify_cells``.

    Raises:
        HandposeError: the file is missing, damaged or of another kind.
    """
    try:
        content = path.read_bytes()
        _check_file(content)
        loaded: dict[str, Any] = scipy.io.loadmat(BytesIO(content), variable_names=variables, simplify_cells=simplify)
    except Exception as error:  # scipy raises its own and many builtin kinds on damaged files
        refuse_foreign(path, what)
        found = f"a file that is no MATLAB file ({error})" if path.is_file() else "no such file"
        raise HandposeError(str(path), found, what, "Get the file again, or complete the copy.") from error
    return loaded


def _check_file(content: bytes) -> None:
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None or struct.unpack(f"{order}H", content[124:126])[0] != 0x0100:
        raise _DamagedError("no level 5 header")
    position = _HEADER
    while position < len(content):
        kind, body, position = _element(content, position, order, padded=False)
        if kind == _COMPRESSED:
            body = zlib.decompress(body)
            kind, body, _ = _element(body, 0, order, padded=False)
        if kind != _MATRIX:
            raise _DamagedError(f"data type {kind} where a variable should be")
        _check_matrix(body, order)


def _element(content: bytes, position: int, order: str, padded: bool = True) -> tuple[int, bytes, int]:
    """Type and bytes of the data element at a position, and where the next one starts."""
    if position + 8 > len(content):
        raise _DamagedError("it ends within a tag")
    kind, size = struct.unpack_from(f"{order}II", content, position)
    if kind >> 16:  # a small element: its size and data are in the tag
        kind, size = kind & 0xFFFF, kind >> 16
        if size > 4:
            raise _DamagedError(f"a small element of {size} bytes")
        return kind, content[position + 4 : position + 4 + size], position + 8
    end = position + 8 + size
    if end > len(content):
        raise _DamagedError("it ends within a variable")
    return kind, content[position + 8 : end], end + (-size % 8 if padded else 0)


def _check_matrix(body: bytes, order: str) -> None:
    """Whether an array's parts are of kinds and sizes that belong together; an empty one has none."""
    if not body:
        return
    parts, position = [], 0
    while position < len(body):
        kind, data, position = _element(body, position, order)
        parts.append((kind, data))
    if len(parts) < 3 or [kind for kind, _ in parts[:3]] != [_UINT32, _INT32, _INT8] or len(parts[0][1]) != 8:
        raise _DamagedError("an array without flags, dimensions and name")
    flags = struct.unpack(f"{order}I", parts[0][1][:4])[0]
    dimensions = struct.unpack(f"{order}{len(parts[1][1]) // 4}i", parts[1][1])
    if len(dimensions) < 2 or min(dimensions) < 0:
        raise _DamagedError(f"dimensions {dimensions}")
    _check_values(flags, dimensions, parts[3:], order)


def _check_values(flags: int, dimensions: tuple[int, ...], parts: list[tuple[int, bytes]], order: str) -> None:
    count = 1
    for dimension in dimensions:
        count *= dimension
    kind, is_complex = flags & 0xFF, bool(flags & 0x0800)
    if kind in _NUMERIC_CLASSES:
        if len(parts) != 1 + is_complex:
            raise _DamagedError(f"{len(parts)} parts of numbers")
        for part, data in parts:
            if part not in _NUMBER_BYTES or len(data) != count * _NUMBER_BYTES[part]:
                raise _DamagedError(f"{len(data)} bytes of type {part} for {count} numbers")
    elif kind == _CHAR:
        if len(parts) != 1 or parts[0][0] not in _TEXT | set(_NUMBER_BYTES):
            raise _DamagedError("text of an unknown type")
    elif kind in (_CELL, _STRUCT):
        _check_members(kind, count, parts, order)
    else:
        raise _DamagedError(f"an array of class {kind}")


def _check_members(kind: int, count: int, parts: list[tuple[int, bytes]], order: str) -> None:
    fields = 1
    if kind == _STRUCT:
        if len(parts) < 2 or parts[0][0] != _INT32 or len(parts[0][1]) != 4 or parts[1][0] != _INT8:
            raise _DamagedError("a struct without field names")
        length = struct.unpack(f"{order}i", parts[0][1])[0]
        if length <= 0 or len(parts[1][1]) % length:
            raise _DamagedError(f"field names of {length} bytes each")
        fields, parts = len(parts[1][1]) // length, parts[2:]
    if len(parts) != count * fields or any(part != _MATRIX for part, _ in parts):
        raise _DamagedError(f"{len(parts)} members for {count * fields}")
    for _, data in parts:
        _check_matrix(data, order)
