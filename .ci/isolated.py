"""Checks one installed package as a user has it: run by ``nox -s isolated`` from an empty folder, outside the clone."""

import importlib.resources
import pkgutil
import subprocess
import sys
import sysconfig
from pathlib import Path

PACKAGES = {name: f"handpose_{name}" for name in ("core", "dggan", "mvhm", "tagan", "tassn")}


def main(name: str) -> None:
    """Check the package that was installed by name; an AssertionError says what is wrong."""
    package = __import__(PACKAGES[name])
    site = Path(sysconfig.get_paths()["purelib"])
    assert Path(package.__file__ or "").is_relative_to(site), f"{package.__file__} is not the installed wheel"
    check_imports(name)
    assert list(importlib.resources.files("handpose_core").joinpath("rig", "assets").iterdir()), "no hand in the wheel"
    estimator = importlib.resources.files("handpose_core.estimators.hand3d")
    assert list(estimator.joinpath("configs").iterdir()), "no recipes of hand3d in the wheel"
    listed = handpose("--help")
    methods = {
        line.split()[0] for line in listed.split("methods:")[1].split("commands:")[0].splitlines() if line.strip()
    }
    assert methods & PACKAGES.keys() == {name} - {"core"}, listed
    handpose("data", "synth", "--like", "rhd", "--frames", "20", "data")
    handpose("predict", "data/training/color/00000.png")  # by the model that comes along
    assert list(Path("predictions/meshes").iterdir()), "no mesh was written"
    if name == "dggan":
        recipes = {path.name for path in importlib.resources.files("handpose_dggan").joinpath("configs").iterdir()}
        assert "demo-1-regression.yaml" in recipes, f"recipes in the wheel: {sorted(recipes)}"
        recipe = ("--config", "demo-1-regression")
        handpose("dggan", "fit", *recipe, "--data.root", "data", "--trainer.fast_dev_run", "true")
    if name == "mvhm":
        options = ("--poses", "sampled", "--images", "6", "--views", "2", "--size", "64")
        handpose("mvhm", "generate", "generated", *options)
        handpose("data", "show", "generated", "--out", "sample.png")
    if name == "tagan":
        handpose("tagan", "simulate", "simulated", "--frames", "16")
        handpose("tagan", "generate", "simulated", "generated")
        handpose("data", "show", "generated", "--out", "sample.png")
        recipe = ("--config", "demo-tagan")
        handpose("tagan", "fit", *recipe, "--data.root", "simulated/hands/images", "--trainer.fast_dev_run", "true")
    if name == "tassn":
        recipe = ("--config", "demo-2-heatmaps", "--data", "RHD", "--data.root", "data")
        handpose("tassn", "fit", *recipe, "--trainer.fast_dev_run", "true")
        assert "--joints-2d" in handpose("tassn", "adapt", "--help")
    print(f"handpose-{name}: complete without the clone")


def check_imports(name: str) -> None:
    """Import every module of the package; only core may come with it."""
    package = sys.modules[PACKAGES[name]]
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith(("__main__", "_job")):  # a job runs in another Python, with what only that one has
            __import__(module.name)
    loaded = {module.split(".")[0] for module in sys.modules if module.startswith("handpose_")}
    assert loaded <= {"handpose_core", package.__name__}, f"{package.__name__} imports {sorted(loaded)}"


def handpose(*arguments: str) -> str:
    """Run the installed console script; what it printed."""
    command = [str(Path(sys.executable).with_name("handpose")), *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


if __name__ == "__main__":
    main(sys.argv[1])
