"""Every module can be imported where the modules of POSIX systems alone are missing, as on Windows."""

import subprocess
import sys

import pytest

POSIX = ("fcntl", "grp", "posix_ipc", "pty", "pwd", "resource", "syslog", "termios", "tty")
#: Modules of scripts that need another Python's packages when they are imported.
FOREIGN = ("cycles_job", "mediapipe_job")
PACKAGES = (
    "handpose_core", "handpose_dggan", "handpose_tagan", "handpose_tassn", "handpose_mvhm", "handpose_benchmarks",
)  # fmt: skip
CODE = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
import pytorch_lightning, wandb, torch.distributed  # these bring POSIX modules of their own where they are
for name in {posix!r}:
    sys.modules[name] = None
count = 0
for module in pkgutil.walk_packages(package.__path__, sys.argv[1] + "."):
    if module.name.rpartition(".")[2] not in {foreign!r}:
        importlib.import_module(module.name)
        count += 1
print(count)
""".format(posix=POSIX, foreign=FOREIGN)


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_import_without_posix(package):
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", CODE, package], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) > 5
