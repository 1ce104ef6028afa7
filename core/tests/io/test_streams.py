"""Output in any encoding: no command ends with a UnicodeEncodeError, and tables stay readable."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import numpy as np
import pytest

from handpose_core.io import streams

TABLE = "┏━━┳━━┓\n┃ σ┃ →┃\n┡━━╇━━┩\n│ –│×2│\n└──┴──┘"


def run(encoding: str, *arguments: str, cwd: object = None) -> tuple[int, str]:
    """The status of ``handpose`` and its output, which has to be in the encoding."""
    command = [sys.executable, "-m", "handpose_core.cli.main", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding}, cwd=cwd)
    assert b"Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout.decode(encoding)


@contextmanager
def output(encoding: str, errors: str = "strict") -> Iterator[io.TextIOWrapper]:
    """Standard output in an encoding; in the test itself, as pytest sets its own after the fixtures."""
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding, errors, write_through=True)) as stream:
        yield stream


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp932", "koi8-r", "latin-1", "utf-8"])
def test_any_text_can_be_printed(encoding):
    with output(encoding) as stream:
        streams.make_streams_tolerant()
        print(TABLE, "é", "漢", "\udcff", "😀")  # the third stands for a byte of a file name that is no text
    assert stream.buffer.getvalue().decode(encoding)


def test_signs_are_spelt_out_and_others_escaped():
    with output("ascii") as stream:
        streams.make_streams_tolerant()
        print(TABLE, "é", "漢", "\udcff", sep="\n")
    lines = stream.buffer.getvalue().decode().splitlines()
    assert lines == ["+--+--+", "| sigma| ->|", "+--+--+", "| -|x2|", "+--+--+", r"\xe9", r"\u6f22", r"\xff"]


@pytest.mark.parametrize("encoding", ["cp932", "cp1252"])
def test_a_table_as_text_is_ascii_where_the_output_is_not_utf(encoding):
    with output(encoding):
        assert streams.as_printable(TABLE).isascii()


def test_a_table_as_text_is_left_as_it_is_in_utf():
    with output("utf-8"):
        assert streams.as_printable(TABLE) == TABLE


def test_a_handler_that_the_user_chose_is_kept():
    with output("ascii", "replace") as stream:
        streams.make_streams_tolerant()
        assert stream.errors == "replace"


def test_the_c_locale_is_no_choice_of_a_handler():
    with output("ascii", "surrogateescape") as stream:  # Python's own there
        streams.make_streams_tolerant()
        print("0.5 \u2013 1")
    assert stream.buffer.getvalue() == b"0.5 - 1\n"


def test_an_output_that_is_closed_is_left_out(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    streams.make_streams_tolerant()
    assert streams.as_printable("σ") == "σ"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp932"])
def test_commands_print_in_the_encoding_of_the_output(encoding, tmp_path):
    joints = np.random.default_rng(0).normal(0, 40, (3, 21, 3))
    for name, shift in (("truth", 0), ("pred", 5)):
        np.savez(tmp_path / f"{name}.npz", joints_3d=joints + shift * np.arange(21)[:, None])
    status, text = run(encoding, "score", "--pred", tmp_path / "pred.npz", "--truth", tmp_path / "truth.npz")
    assert status == 0
    assert "+----" in text
    assert "| EPE mean (mm) |" in text
    status, text = run(encoding, "recipe")
    assert status == 0
    assert "usage: handpose recipe" in text


def test_a_folder_with_a_name_in_another_script_is_printed_and_checked(tmp_path):
    folder = tmp_path / "手 é"
    status, text = run("ascii", "data", "synth", folder, "--like", "rhd", "--frames", "2", "--workers", "1")
    assert status == 0
    assert r"\u624b \xe9" in text
    status, text = run("ascii", "data", "check", folder, cwd=tmp_path)
    assert status == 0
    assert "| check " in text
