import argparse

import pytest

from handpose_core.cli.main import main
from handpose_core.cli.options import join_negative_values


@pytest.mark.parametrize(
    ("typed", "joined"),
    [
        (["--box", "-5,-5,100,100"], ["--box=-5,-5,100,100"]),
        (["a.jpg", "--box", "-5.5,2,100,100", "--side", "left"], ["a.jpg", "--box=-5.5,2,100,100", "--side", "left"]),
        (["--focal", "-.5,2"], ["--focal=-.5,2"]),
        (["--model.rate", "-1e-3"], ["--model.rate=-1e-3"]),
        (["--box=-5,-5,1,1"], ["--box=-5,-5,1,1"]),
        (["--seed", "-5"], ["--seed", "-5"]),
        (["--size", "1", "-2"], ["--size", "1", "-2"]),
        (["--json", "-h"], ["--json", "-h"]),
        (["--", "--box", "-5,-5,1,1"], ["--", "--box", "-5,-5,1,1"]),
        (["-5,5.jpg"], ["-5,5.jpg"]),
    ],
)
def test_values_with_a_minus_stay_with_their_options(typed, joined):
    assert join_negative_values(typed) == joined


def test_argparse_takes_a_box_with_a_minus():
    parser = argparse.ArgumentParser()
    parser.add_argument("--box")
    assert parser.parse_args(join_negative_values(["--box", "-5,-5,100,100"])).box == "-5,-5,100,100"


def test_predict_reads_a_box_with_a_minus(tmp_path, capsys):
    assert main(["predict", str(tmp_path / "nowhere.jpg"), "--box", "-5,-5,100,100"]) == 2
    assert "no such file or folder" in capsys.readouterr().err  # and not "expected one argument"
