import subprocess
import sys

from handpose_core.cli.registry import methods
from handpose_dggan.cli import METHOD


def test_the_method_is_registered():
    assert methods()["dggan"] == METHOD


def test_console_script_and_umbrella_parse_alike():
    """Both refuse an unknown recipe in the same words, in processes of their own."""
    codes = (
        "from handpose_dggan.cli import main; raise SystemExit(main(['fit', '--config', 'dmo']))",
        "from handpose_core.cli.main import main; raise SystemExit(main(['dggan', 'fit', '--config', 'dmo']))",
    )
    done = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300) for code in codes]
    assert [run.returncode for run in done] == [2, 2]
    assert done[0].stderr == done[1].stderr
    assert "error: --config: found 'dmo', which is neither a recipe nor a file" in done[0].stderr


def test_importing_the_command_line_imports_nothing_heavy():
    code = "import sys, handpose_dggan.cli; raise SystemExit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0
