"""The methods' own console scripts, ``handpose-dggan`` and the others."""

import importlib

import pytest


@pytest.mark.parametrize("script", ["dggan", "mvhm", "tagan", "tassn"])
def test_console_scripts_end_with_the_same_statuses(script, monkeypatch, capsys):
    package = importlib.import_module(f"handpose_{script}.cli")
    assert package.main(["fit", "--config", "nowhere"]) == 2
    assert capsys.readouterr().err.startswith("error: ")

    def interrupted(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("handpose_core.cli.method.run_method", interrupted)
    assert package.main(["fit"]) == 130
