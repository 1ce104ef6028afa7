import hashlib

import pytest

from handpose_core.training.arguments import as_options, differences, is_option


@pytest.mark.parametrize(
    ("argument", "expected"), [("--data.root", True), ("-c", True), ("-0.5", False), ("data", False), ("--a=b", True)]
)
def test_is_option(argument, expected):
    assert is_option(argument) is expected


def test_both_ways_to_give_a_value_are_one():
    assert as_options(["--a", "1", "--b=2", "--flag", "--a=-3"]) == {"--a": ("1", "-3"), "--b": ("2",), "--flag": ()}


def test_a_configuration_counts_by_what_stands_in_it(tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "demo.yaml").write_text("a: 1\n")
    here, there = (as_options(["--config", str(tmp_path / name / "demo.yaml")]) for name in ("here", "there"))
    digest = hashlib.sha256(b"a: 1\n").hexdigest()
    assert here == there == {"--config": (f"demo.yaml (sha256 {digest[:16]})",)}
    (tmp_path / "there" / "demo.yaml").write_text("a: 2\n")
    changed = as_options(["--config", str(tmp_path / "there" / "demo.yaml")])
    ((name, then, now),) = differences(here, changed)
    assert name == "--config"
    assert then != now


def test_differences_name_the_option():
    before = {"--a": ["1"], "--gone": ["x"], "--same": ["s"], "--data.num_workers": ["8"]}
    now = {"--a": ("2",), "--new": (), "--same": ("s",), "--data.num_workers": ("0",)}
    assert differences(before, now) == [("--a", "1", "2"), ("--gone", "x", "nothing"), ("--new", "nothing", "no value")]
