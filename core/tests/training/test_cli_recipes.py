import pytest

from handpose_core.errors import HandposeError
from handpose_core.training.recipes import known_recipes, resolve_recipes


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with the recipes ``demo`` and ``paper-1``."""
    configs = tmp_path / "recipe_package" / "configs"
    configs.mkdir(parents=True)
    (tmp_path / "recipe_package" / "__init__.py").touch()
    for name in ("demo", "paper-1"):
        (configs / f"{name}.yaml").write_text("{}\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "recipe_package"


def test_known_recipes(package):
    assert list(known_recipes(package)) == ["demo", "paper-1"]


@pytest.mark.parametrize("form", [["--config", "demo"], ["--config=demo"], ["-c", "demo"]])
def test_a_name_becomes_a_path(package, form):
    resolved = resolve_recipes(package, ["fit", *form, "--model.lr", "demo"])
    path = str(known_recipes(package)["demo"])
    assert resolved.argv == ["fit", *[word.replace("demo", path) for word in form], "--model.lr", "demo"]
    assert resolved.name == "demo"


def test_a_path_stays_and_the_last_names_the_run(package, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("{}\n")
    resolved = resolve_recipes(package, ["fit", "--config", "demo", "--config", str(mine)])
    assert resolved.argv[-1] == str(mine)
    assert resolved.name == "mine"


def test_no_recipe(package):
    assert resolve_recipes(package, ["test", "--data", "RHD"]).name is None


@pytest.mark.parametrize("wrong", ["dmo", "missing.yaml", "folder/demo"])
def test_unknown_recipe_lists_the_known(package, wrong):
    with pytest.raises(HandposeError, match=rf"'{wrong}'.*demo, paper-1"):
        resolve_recipes(package, ["fit", "--config", wrong])
