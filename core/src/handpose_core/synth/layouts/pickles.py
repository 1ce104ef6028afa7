"""Pickles of a dataset's layout, readable by the tools of its time."""

import pickle
from pathlib import Path

from handpose_core.io.atomic import write_bytes

_PROTOCOL = 2  # the authors' tools run on Python 2


def write_pickle(path: Path, content: object) -> None:
    """Write numpy arrays in builtin containers, whole or not at all."""
    data = pickle.dumps(content, protocol=_PROTOCOL)
    # numpy 2 names its module numpy._core, which numpy before 1.26 lacks; every numpy reads the old name.
    write_bytes(path, data.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
