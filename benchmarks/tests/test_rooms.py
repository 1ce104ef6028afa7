"""Who may import whom: core imports no method, a method only core. Each is imported in a fresh interpreter.

Jobs, `*_job.py`, are run by other Pythons, which have what they import; they import nothing of the suite.
"""

import subprocess
import sys
from pathlib import Path

import pytest

IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith(("__main__", "_job")):
        importlib.import_module(module.name)
print(*sorted({name.split(".")[0] for name in sys.modules if name.startswith("handpose_")}))
"""


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("handpose_core", {"handpose_core"}),
        ("handpose_dggan", {"handpose_core", "handpose_dggan"}),
        ("handpose_mvhm", {"handpose_core", "handpose_mvhm"}),
        ("handpose_tagan", {"handpose_core", "handpose_tagan"}),
        ("handpose_tassn", {"handpose_core", "handpose_tassn"}),
    ],
)
def test_a_room_imports_only_its_own(package: str, allowed: set[str]) -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL, package], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == allowed


def test_jobs_import_nothing_of_the_suite() -> None:
    jobs = list(Path(__file__).parents[2].glob("*/src/**/*_job.py"))
    assert {path.name for path in jobs} >= {"cycles_job.py", "mediapipe_job.py"}
    for job in jobs:
        words = [line.split()[1] for line in job.read_text().splitlines() if line.startswith(("import ", "from "))]
        assert words
        assert not [word for word in words if word.startswith("handpose")]
