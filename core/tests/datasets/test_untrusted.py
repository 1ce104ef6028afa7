import collections
import io
import pickle
import pickletools

import numpy as np
import pytest

from handpose_core.datasets.untrusted import load_pickle
from handpose_core.errors import HandposeError

CONTENT = {
    3: {
        "single": np.arange(6, dtype=np.float32).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
        "swapped": np.array([1, -2, 300], dtype=">i2"),
        "flags": np.array([True, False]),
        "empty": np.zeros((0, 3)),
        "scalar": np.float64(2.5),
        "others": [1, 2.5, "text", b"\x00\xff", None, (True, {4}), frozenset({5}), 1j],
    }
}


def written(path, content, protocol=2):
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_reads_what_it_should_in_every_protocol(tmp_path, protocol):
    found = load_pickle(written(tmp_path / "a.pickle", CONTENT, protocol))[3]
    for name, expected in CONTENT[3].items():
        if isinstance(expected, np.ndarray):
            np.testing.assert_array_equal(found[name], expected)
            assert found[name].dtype == expected.dtype.newbyteorder("=")
        else:
            assert found[name] == expected


def test_reads_numpy_arrays_of_python_2(tmp_path):
    # What Python 2.7 with numpy 1.13 writes for {'rvec': np.array([1., 2.])} with protocol 2: bytes as latin1 str.
    raw = np.array([1.0, 2.0]).tobytes()
    data = (
        b"\x80\x02}q\x01U\x04rvecq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85q\x05"
        b"U\x01bq\x06\x87q\x07Rq\x08(K\x01K\x02\x85q\tcnumpy\ndtype\nq\nU\x02f8q\x0bK\x00K\x01\x87q\x0cRq\r(K\x03"
        b"U\x01<q\x0eNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0fb\x89U"
        + bytes([len(raw)])
        + raw
        + b"q\x10tq\x11bs."
    )
    np.testing.assert_array_equal(load_pickle(written(tmp_path / "rvec.pkl", data))["rvec"], [1.0, 2.0])


class Foreign:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (open, (self.target, "w"))


def test_names_a_foreign_class_and_runs_nothing(tmp_path):
    target = tmp_path / "made_by_the_pickle"
    path = written(tmp_path / "bad.pickle", {0: Foreign(str(target))})
    with pytest.raises(HandposeError, match=r"bad\.pickle: found the class (io|_io|__builtin__)\.open") as caught:
        load_pickle(path)
    assert "Nothing of it was run" in str(caught.value)
    assert not target.exists()


@pytest.mark.parametrize(
    "content",
    [collections.OrderedDict(a=1), np.array([object()], dtype=object), np.array([(1, 2.0)], dtype="i4,f8"), eval],
    ids=["class", "objects", "records", "function"],
)
def test_refuses_what_is_not_numbers(tmp_path, content):
    with pytest.raises(HandposeError):
        load_pickle(written(tmp_path / "a.pickle", content))


def test_refuses_objects_smuggled_as_bytes(tmp_path):
    # numpy itself would take these eight bytes for a pointer.
    honest = pickle.dumps(np.array([4702111234474983745]), protocol=2)
    assert b"i8" in honest
    forged = honest.replace(b"X\x02\x00\x00\x00i8", b"X\x02\x00\x00\x00O8")
    assert forged != honest
    pickletools.dis(forged, out=io.StringIO())  # still a well-formed pickle
    with pytest.raises(HandposeError, match="not numeric"):
        load_pickle(written(tmp_path / "a.pickle", forged))


@pytest.mark.parametrize("data", [b"", b"no pickle", pickle.dumps(CONTENT, 2)[:200]], ids=["empty", "text", "cut off"])
def test_names_a_damaged_file(tmp_path, data):
    with pytest.raises(HandposeError, match=r"a\.pickle: found (a pickle that cannot be read|an empty file)"):
        load_pickle(written(tmp_path / "a.pickle", data))
