"""Who may import whom: core imports no method, a method only core. Each is imported in a fresh interpreter."""

import subprocess
import sys

import pytest

IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith("__main__"):
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
    ],
)
def test_a_room_imports_only_its_own(package: str, allowed: set[str]) -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL, package], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == allowed
