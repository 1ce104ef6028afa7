"""Tables 2.1 to 2.3: stages that train on a target and a generated set, from the plan to the parsed command line."""

import json
from pathlib import Path

import pytest
import yaml

from handpose_benchmarks.tables.data import Source
from handpose_benchmarks.tables.datasets import GENERATED_SETS
from handpose_benchmarks.tables.plan import Node, Setting, nodes_of, plan
from handpose_benchmarks.tables.results import read_figures
from handpose_benchmarks.tables.runner import resolved
from handpose_benchmarks.tables.spec import IN_PIXELS, RowSpec, StageSpec, TableSpec
from handpose_benchmarks.tables.thesis import find_table
from handpose_core.cli.registry import methods
from handpose_core.errors import HandposeError
from handpose_core.training.recipes import known_recipes

SOURCES = {name: Source(Path(name.upper())) for name in ("rhd", "stb", *GENERATED_SETS)}
SOURCES["rhd"] = Source(Path("R"), ("--data.missing", "skip"), "demo")


def option(node: Node, name: str) -> str:
    return node.arguments[node.arguments.index(name) + 1]


def test_a_stage_trains_on_the_target_and_a_generated_set_by_ratio() -> None:
    stages = {"alone": StageSpec("demo"), "mixed": StageSpec("demo", ("--a", "1"), mixed_with={"rbg": 2.0})}
    spec = TableSpec("0.0", "", "hand3d", ("rhd",), (RowSpec("a", ("alone", "mixed"), {"rhd": {}}),), stages)
    assert spec.needs(("rhd",)) == {"rhd", "rbg"}
    alone, mixed = nodes_of(plan(spec, Setting("demo", Path("w"), SOURCES), ["rhd"], [0]))
    assert option(alone, "--data") == "RHD"
    assert option(mixed, "--data") == "Mixed"
    assert json.loads(option(mixed, "--data.parts")) == [
        {"class_path": "handpose_core.datamodules.rhd.RHDDataModule", "init_args": {"root": "R", "missing": "skip"}},
        {"class_path": "handpose_core.datamodules.folder.FolderDataModule", "init_args": {"root": "RBG"}},
    ]
    assert json.loads(option(mixed, "--data.ratio")) == [1, 2.0]
    assert mixed.arguments[-2:] == ("--a", "1")
    assert mixed.parent is alone
    with pytest.raises(HandposeError, match="no rbg data"):
        plan(spec, Setting("demo", Path("w"), {"rhd": SOURCES["rhd"]}), ["rhd"], [0])
    with pytest.raises(HandposeError, match=r"datasets trained on.*'rgb'"):
        TableSpec("0.0", "", "hand3d", ("rhd",), (RowSpec("a", ("s",), {"rhd": {}}),),
                  {"s": StageSpec("demo", mixed_with={"rgb": 1.0})})  # fmt: skip


@pytest.mark.parametrize(("number", "rows", "folders"), [("2.1", 6, 14), ("2.2", 6, 8)])
@pytest.mark.parametrize("recipe", ["demo", "paper"])
def test_rows_share_the_training_on_the_target_alone(number: str, rows: int, folders: int, recipe: str) -> None:
    table = find_table(number)
    assert table.needs(table.datasets) == SOURCES.keys()
    cells = plan(table, Setting(recipe, Path("w"), SOURCES), table.datasets, [0])
    assert len(cells) == rows * 2
    nodes = list(nodes_of(cells))
    assert len(nodes) == folders * 2
    assert len({node.folder for node in nodes}) == len(nodes)
    assert {node.arguments[1] for node in nodes} <= known_recipes(methods()["hand3d"].package).keys()
    going_on = set()
    for cell in cells:
        steps = [
            option(node, "--trainer.max_steps") for node in cell.node.chain() if "--trainer.max_steps" in node.arguments
        ]
        later = steps[2:]
        going_on.add(tuple(later))
        mixed = [node for node in cell.node.chain() if option(node, "--data") == "Mixed"]
        assert len(mixed) == (0 if cell.row is table.rows[0] else len(later))
    assert len(going_on) == 1  # all rows go on for as many steps
    assert all(going_on)


@pytest.mark.parametrize("recipe", ["demo", "paper"])
def test_table_2_2_scores_trainings_of_table_2_1(recipe: str) -> None:
    ours, theirs = (
        {node.folder: node.arguments for node in nodes_of(plan(find_table(number), setting, ("rhd", "stb"), [0]))}
        for number in ("2.2", "2.1")
        for setting in [Setting(recipe, Path("w"), SOURCES)]
    )
    assert ours.items() < theirs.items()


def test_only_what_the_rows_to_run_train_on_is_needed() -> None:
    table = find_table("2.1")
    assert table.needs(("rhd",), table.rows[:2]) == {"rhd", "cbg"}
    assert table.parts_of("stb") == ("train", "val", "test")
    assert table.parts_of("cbg") == ("train", "val")
    assert find_table("2.3").parts_of("stb") == ("train", "val")
    assert find_table("2.3").parts_of("cmu_ps") == ("test",)


def test_the_demo_has_a_fifth_of_rhds_labels_and_the_paper_all() -> None:
    table = find_table("2.1")
    assert table.preparing("rhd", "demo") == ("--data.val_fraction", "0.8")
    assert table.preparing("rhd", "paper") == ("--data.val_fraction", "0.05")
    assert table.preparing("stb", "demo") == ()
    with pytest.raises(HandposeError, match=r"placeholders in prepared.*'share'"):
        TableSpec("0.0", "", "hand3d", ("rhd",), (RowSpec("a", ("s",), {"rhd": {}}),),
                  {"s": StageSpec("demo")}, prepared={"rhd": ("--data.val_fraction", "${share}")})  # fmt: skip


def test_the_command_line_takes_a_mixture_with_the_recipes_batches(capsys: pytest.CaptureFixture[str]) -> None:
    from handpose_core.cli.method import method_main

    table = find_table("2.2")
    sources = {**SOURCES, "stb": Source(Path("S"), ("--data.missing", "skip"))}
    cell = plan(table, Setting("demo", Path("w"), sources), ["stb"], [3])[-1]
    with pytest.raises(SystemExit):
        method_main("hand3d", methods()["hand3d"], ["fit", *resolved(cell.node, cell.node.arguments), "--print_config"])
    config = yaml.safe_load(capsys.readouterr().out)
    data = config["data"]
    assert data["class_path"] == "handpose_core.datamodules.mixed.MixedDataModule"
    first, second = data["init_args"]["parts"]
    assert (first["class_path"].rpartition(".")[2], first["init_args"]["missing"]) == ("STBDataModule", "skip")
    assert (second["class_path"].rpartition(".")[2], second["init_args"]["root"]) == ("FolderDataModule", "TAGAN")
    assert first["init_args"]["augmentation"] is None
    own = data["init_args"]
    assert (own["batch_size"], own["image_size"], own["evaluate"]) == (8, 96, 0)
    assert own["augmentation"]["init_args"]["rotation"] == 30
    assert (config["trainer"]["max_steps"], config["seed_everything"]) == (2400, 3)
    assert config["model"]["size"]["posenet"]["stages"] == 3


def test_table_2_3_tests_the_trainings_of_table_2_2_on_cmu_ps() -> None:
    table = find_table("2.3")
    sources = {**SOURCES, "cmu_ps": Source(Path("C"), ("--data.missing", "skip"))}
    assert table.needs(("cmu_ps",)) == {"cmu_ps", "stb", *GENERATED_SETS}
    setting = Setting("demo", Path("w"), sources, ("--trainer.max_epochs=1",))
    cells = plan(table, setting, table.datasets, [2])
    others = plan(find_table("2.2"), setting, ["stb"], [2])
    for cell, other in zip(cells, others, strict=True):
        ours, theirs = cell.node.chain(), other.node.chain()
        assert [(n.folder, n.arguments) for n in ours] == [(n.folder, n.arguments) for n in theirs]
        assert cell.node.test_folder == other.node.folder / "cmu_ps"
        test = cell.node.test_arguments
        own = " ".join(word for word in other.node.test_arguments if "--data" not in word)
        assert test[-5:] == ("--data.root", "C", "--data.missing", "skip", "--trainer.max_epochs=1")
        assert [test[i + 1] for i, word in enumerate(test) if word == "--data"] == ["CMUPS"]
        assert all(word in own or word in ("--data", "CMUPS", *test[-5:]) for word in test)


def test_scores_in_pixels_are_told_from_those_in_millimetres(tmp_path: Path) -> None:
    common = {"method": "ours", "protocol": "exact", "alignment": "none", "n_samples": 2}
    in_mm = {"recover": "true_root_and_scale", "unit": "mm", "epe_mean": 30.0, "epe_median": 29.0}
    in_px = {"recover": "none: 2D", "unit": "px (crop)", "epe_mean": 3.5, "epe_median": 3.0, "auc_0_30": 0.8}
    rows = [
        {**common, **in_mm, "auc_0_50": 0.5, "auc_20_50": 0.6, "thresholds": [0.0, 50.0], "pck": [0.0, 1.0]},
        {**common, **in_px, "thresholds": [0.0, 10.0, 20.0, 30.0], "pck": [0.0, 0.5, 0.875, 1.0]},
    ]
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"data": {}, "rows": rows}))
    assert read_figures(path, IN_PIXELS)["figures"] == {
        "none": {"epe_mean": 3.5, "epe_median": 3.0, "epe_mean_px": 3.5, "pck_20": 87.5}
    }
