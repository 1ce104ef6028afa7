import sys

import pytest

from handpose_core.errors import HandposeError
from handpose_core.training.recipes import known_recipes, known_stages, resolve_recipes, stages_in_folder


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with the recipes ``demo`` and ``paper-1``."""
    configs = tmp_path / "recipe_package" / "configs"
    configs.mkdir(parents=True)
    (tmp_path / "recipe_package" / "__init__.py").touch()
    for name in ("demo", "paper-1"):
        (configs / f"{name}.yaml").write_text("{}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "recipe_package", raising=False)  # an earlier test's lies elsewhere
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


def _write(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.yaml").write_text("{}\n")
    return folder


def test_stages_go_by_number_not_by_text(package, tmp_path):
    _write(tmp_path / "recipe_package" / "configs", "full-10-last", "full-9-middle", "full-2-first_one", "two-worlds")
    stages = known_stages(package)
    assert list(stages) == ["demo", "full", "paper-1", "two-worlds"]
    assert [stage.name for stage in stages["full"]] == ["first_one", "middle", "last"]
    assert [stage.folder for stage in stages["demo"]] == ["1-demo"]


def test_stages_of_an_own_folder(tmp_path):
    stages = stages_in_folder(_write(tmp_path / "mine", "10-b", "2-a", "notes"))
    assert [(stage.number, stage.name) for stage in stages] == [(2, "a"), (10, "b")]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b"], "2 YAML files, none of them a stage"),
        (["1-a", "01-b"], "two stages with the number 1"),
        (["1-a", "2-a"], "two stages with the name a"),
        (["1-test"], "a stage named test"),
    ],
)
def test_stages_that_cannot_be_told_apart(tmp_path, names, message):
    with pytest.raises(HandposeError, match=message):
        stages_in_folder(_write(tmp_path / "mine", *names))
