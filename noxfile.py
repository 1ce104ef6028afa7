"""Sessions of the workspace; ``nox -l`` lists them. Every session installs the versions of constraints.txt."""

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import nox
from nox.command import CommandFailed

nox.options.sessions = ["tests"]
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_external_run = True

ROOT = Path(__file__).parent
CONSTRAINTS = ROOT / "constraints.txt"
GROUPS = nox.project.load_toml(ROOT / "pyproject.toml")
TORCH = next(line for line in CONSTRAINTS.read_text("utf-8").splitlines() if line.startswith("torch=="))
WHEELS = ("core", "dggan", "mvhm", "tagan", "tassn")  # what users install: each alone, with what it depends on
DEMO_FRAMES = "2000"  # for training, and a tenth of that for evaluation
DEMO_EPOCHS = "10"  # of the recipe's first stage, the pose network, alone

# Nothing logs in or asks the network for news while it is tested.
QUIET = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "NO_ALBUMENTATIONS_UPDATE": "1"}


def _group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(GROUPS, name))


def _install(session: nox.Session, *requirements: str) -> None:
    session.install("--constraint", str(CONSTRAINTS), *requirements)


def _install_suite(session: nox.Session, *extra: str) -> None:
    """Install all packages in editable mode, and check the constraints."""
    names = ("core", "dggan", "tagan", "tassn", "mvhm", "benchmarks")
    packages = [word for name in names for word in ("--editable", str(ROOT / name))]
    _install(session, *packages, *extra)
    _check_torch(session)


def _check_torch(session: nox.Session) -> None:
    """Fail if the constraints did not hold; builds for an accelerator add a suffix to the version."""
    version = TORCH.removeprefix("torch==")
    session.run("python", "-c", f"import torch; assert torch.__version__.startswith({version!r}), torch.__version__")


@nox.session
def tests(session: nox.Session) -> None:
    """Run pytest; on CI also lint, types and isolated. HANDPOSE_SAMPLES names the folder of real samples, if any."""
    _install_suite(session, *_group("tests"))
    # One thread a worker: two workers with a pool each would fight over the cores.
    env = QUIET | {"OMP_NUM_THREADS": "1"}
    session.run("pytest", "--numprocesses", "auto", "--dist", "loadfile", *session.posargs, env=env)
    if os.environ.get("CI"):
        for name in ("lint", "types", *(f"isolated(package='{package}')" for package in WHEELS)):
            session.notify(name, posargs=())


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and layout."""
    _install(session, *_group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of all packages (mypy, strict)."""
    _install_suite(session, *_group("types"))
    session.run("mypy", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site into site/ and follow its guides, command by command; further arguments go to pytest."""
    _install_suite(session, *_group("tests"), *_group("docs"))
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})
    session.run("pytest", "docs/tests", *session.posargs, env=QUIET)


@nox.session
def browser(session: nox.Session) -> None:
    """Try the page of handpose demo in the Chromium that is installed, a mesh on it and without a GPU: minutes."""
    _install_suite(session, *_group("tests"), *_group("browser"))
    session.run("pytest", "core/tests/web/test_in_a_browser.py", *session.posargs, env=QUIET)


@nox.session
def people(session: nox.Session) -> None:
    """Try the pictures of people, which need the anny package: minutes, most of them anny's own first start."""
    _install_suite(session, *_group("tests"), *_group("people"))
    _check_torch(session)
    session.run("pytest", "core/tests/synth/test_people.py", *session.posargs, env=QUIET)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure speed beside peers where they install; further arguments go to ``handpose bench speed``."""
    _install_suite(session)
    _try_install(session, "moderngl", "--editable", f"{ROOT / 'benchmarks'}[peers]", "--constraint", str(CONSTRAINTS))
    options: list[str] = []
    blender = Path(session.create_tmp()).resolve() / "blender"  # bpy wants numpy < 2
    session.run("python", "-m", "venv", str(blender))
    python = str(blender / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    if _try_install(session, "Blender's bpy", "bpy==4.2.*", "numpy<2", python=python):
        options = ["--blender-python", python]
    session.run("handpose", "bench", "speed", *options, *session.posargs, env=QUIET)


def _try_install(session: nox.Session, peer: str, *requirements: str, python: str = "python") -> bool:
    """Install a peer; without it the benchmark still runs, and says what is missing."""
    try:
        session.run(python, "-m", "pip", "install", *requirements, silent=True, external=True)
    except CommandFailed:
        session.warn(f"{peer} does not install here: measuring without it.")
        return False
    return True


@nox.session
def demo(session: nox.Session) -> None:
    """Make data, train, test: ends with the metrics and the pictures. Further arguments go to ``fit``."""
    _install(session, "--editable", str(ROOT / "core"), "--editable", str(ROOT / "dggan"))
    _check_torch(session)
    data = ROOT / "runs" / "demo" / "data"
    session.run("handpose", "data", "synth", "--like", "rhd", "--frames", DEMO_FRAMES, str(data))
    run = ROOT / "runs" / "demo" / time.strftime("%Y-%m-%d_%H-%M-%S")
    options = ("--config", "demo-1-regression", "--data.root", str(data), "--run_dir", str(run))
    session.run("handpose", "dggan", "fit", *options, "--trainer.max_epochs", DEMO_EPOCHS, *session.posargs, env=QUIET)
    best = run / "fit" / "checkpoints" / "best.ckpt"
    session.run("handpose", "dggan", "test", *options, "--ckpt_path", str(best), env=QUIET)


@nox.session(reuse_venv=False)
@nox.parametrize("package", WHEELS)
def isolated(session: nox.Session, package: str) -> None:
    """Install built wheels into a fresh environment, nothing else of the clone, and use them from an empty folder."""
    with TemporaryDirectory() as folder:
        wheels, empty = Path(folder) / "wheels", Path(folder) / "empty"
        empty.mkdir()
        session.run(
            *("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels)),
            *(str(ROOT / name) for name in WHEELS),
        )
        _install(session, "--find-links", str(wheels), f"handpose-{package}")
        with session.chdir(empty):
            session.run("python", "-I", str(ROOT / ".ci" / "isolated.py"), package, env=QUIET)
