"""Every module can be imported where the modules of POSIX systems alone are missing, as on Windows."""

import subprocess
import sys

import pytest

POSIX = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty")
PACKAGES = (
    "handpose_core", "handpose_dggan", "handpose_tagan", "handpose_tassn", "handpose_mvhm", "handpose_benchmarks",
)  # fmt: skip
CODE = f"""
import importlib, pkgutil, sys
import pytorch_lightning, wandb, torch.distributed  # these bring POSIX modules of their own where they are
package = importlib.import_module(sys.argv[1])
for name in {POSIX!r}:
    sys.modules[name] = None
count = 0
for module in pkgutil.walk_packages(package.__path__, sys.argv[1] + "."):
    try:
        importlib.import_module(module.name)
        count += 1
    except ModuleNotFoundError as error:  # another Python's package: bpy, mediapipe, a measured peer
        if error.name in {POSIX!r} or error.name.startswith("handpose"):
            raise
print(count)
"""


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_import_without_posix(package):
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", CODE, package], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) > 5
