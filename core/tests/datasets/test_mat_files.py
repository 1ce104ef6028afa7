"""MATLAB files: what scipy would read wrongly, or die of, is refused first."""

import numpy as np
import pytest
import scipy.io

from handpose_core.datasets.mat_files import load_mat
from handpose_core.errors import HandposeError

VARIABLES = {
    "handPara": np.arange(24.0).reshape(2, 3, 4),
    "frame0": {"xyz": np.eye(3), "name": "left", "cells": np.array([1, "two"], dtype=object), "none": np.zeros((0, 3))},
}


@pytest.mark.parametrize("compressed", [False, True])
def test_reads_what_scipy_reads(tmp_path, compressed):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, VARIABLES, do_compression=compressed)
    found = load_mat(path, "joints", simplify=True)
    np.testing.assert_array_equal(found["handPara"], VARIABLES["handPara"])
    np.testing.assert_array_equal(found["frame0"]["xyz"], np.eye(3))
    assert found["frame0"]["name"] == "left"
    assert set(load_mat(path, "joints", ["handPara"])) & set(VARIABLES) == {"handPara"}


def test_a_type_out_of_scipys_table_is_named_instead_of_ending_the_process(tmp_path):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"handPara": VARIABLES["handPara"]})
    content = bytearray(path.read_bytes())
    numbers = content.rindex(np.float64(0).tobytes() + np.float64(12).tobytes())  # column-major: 0, 12, ...
    content[numbers - 8] = 41
    path.write_bytes(content)
    with pytest.raises(HandposeError, match=r"a\.mat: found .*type 41"):
        load_mat(path, "joints")


@pytest.mark.parametrize("length", [0, 60, 128, 133, 200, -1])
def test_cut_files_are_named(tmp_path, length):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, VARIABLES)
    path.write_bytes(path.read_bytes()[:length])
    if length == 128:  # a header alone is a file without variables
        assert not set(load_mat(path, "joints")) & set(VARIABLES)
        return
    with pytest.raises(HandposeError, match=r"a\.mat: found (a file that is no MATLAB file|an empty file)"):
        load_mat(path, "joints")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(HandposeError, match="no such file"):
        load_mat(tmp_path / "a.mat", "joints")
