import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from handpose_core.cli.method import method_main
from handpose_core.cli.registry import Method

TINY = Method("one learnt pose", "tinymethod.module:TinyModule")
OTHER = Method("another", "tinymethod.module:OtherModule")
Run = Callable[..., int]


def _runner(patch: pytest.MonkeyPatch, folder: Path) -> Run:
    patch.syspath_prepend(Path(__file__).parent)
    patch.chdir(folder)
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        patch.delenv(name, raising=False)
    patch.setenv("NETRC", str(folder / "no-netrc"))

    def run(*argv: str, method: Method = TINY, logger: str = "false") -> int:
        options = ["--trainer.logger", logger] if argv and argv[0] in ("fit", "validate", "test", "predict") else []
        return method_main("tiny", method, [*argv[:1], *options, *argv[1:]])

    import_module("tinymethod.data")  # as a plugin would be, so that `--data TinyHands` is known
    return run


@pytest.fixture(scope="session")
def tiny_runner() -> Callable[[pytest.MonkeyPatch, Path], Run]:
    """Makes what `tiny` gives, for a fixture of another scope."""
    return _runner


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs the tiny method's command line in an empty folder; without W&B unless told: ``tiny("fit", ...)``."""
    return _runner(monkeypatch, tmp_path)


@pytest.fixture
def trained(tiny: Run, tmp_path: Path) -> Path:
    """The run folder of a trained tiny method."""
    assert tiny("fit", "--config", "tiny", "--run_dir", "run") == 0
    return tmp_path / "run"


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tiny method as an installed package, in this process and in those that it starts; its name."""
    site, here = tmp_path_factory.mktemp("site"), str(Path(__file__).parent)
    record = site / "tiny-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text("[handpose.methods]\ntiny = tinymethod.cli:METHOD\n")
    for folder in (here, str(site)):
        monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), here, *filter(None, [os.environ.get("PYTHONPATH")])]))
    monkeypatch.setenv("WANDB_MODE", "disabled")
    return "tiny"
