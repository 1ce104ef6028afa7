import json
from pathlib import Path

import pytest

from handpose_benchmarks.tables.data import Source, describe, make_twin
from handpose_benchmarks.tables.plan import Setting, nodes_of, plan
from handpose_benchmarks.tables.spec import RowSpec, StageSpec, TableSpec
from handpose_benchmarks.tables.thesis import find_table
from handpose_core.cli.registry import methods
from handpose_core.errors import HandposeError
from handpose_core.training.recipes import known_recipes

SOURCES = {"rhd": Source(Path("R"), ("--data.missing", "skip")), "stb": Source(Path("S"))}


def test_rows_share_the_stages_that_they_have_in_common(table: TableSpec) -> None:
    cells = plan(table, Setting("demo", Path("w"), SOURCES), ["rhd", "stb"], [0, 1])
    assert len(cells) == 2 * (3 + 2)
    folders = [str(node.folder) for node in nodes_of(cells)]
    assert sorted(folders) == sorted(
        f"w/{dataset}/seed{seed}/{stages}"
        for dataset in ("rhd", "stb")
        for seed in (0, 1)
        for stages in ("first", "first+plain", "first+guided")
    )
    assert folders[0] == "w/rhd/seed0/first"


def test_a_training_has_the_tables_data_seed_and_options_the_users_last(table: TableSpec) -> None:
    cells = plan(table, Setting("demo", Path("w"), SOURCES, ("--trainer.max_epochs", "1")), ["rhd", "stb"], [7])
    first, guided = cells[4].node.chain()
    assert guided.parent is first
    assert first.arguments == (
        *("--config", "demo-1", "--data", "STB", "--data.root", "S", "--seed_everything", "7"),
        *("--model.a", "1", "--trainer.max_epochs", "1"),
    )
    assert guided.arguments[-4:] == ("--model.maps", "R", "--trainer.max_epochs", "1")
    assert cells[0].node.arguments[:6] == ("--config", "demo-2", "--data", "RHD", "--data.root", "R")
    assert cells[0].node.arguments[6:8] == ("--data.missing", "skip")


def test_stages_of_other_names_with_the_same_arguments_are_one(table: TableSpec) -> None:
    stages = {**table.stages, "same": table.stages["first"]}
    rows = (RowSpec("a", ("first", "plain"), {"rhd": {}}), RowSpec("b", ("same",), {"rhd": {}}))
    spec = TableSpec("0.0", "", "dggan", ("rhd",), rows, stages)
    assert len(list(nodes_of(plan(spec, Setting("demo", Path("w"), SOURCES), ["rhd"], [0])))) == 2


def test_a_dataset_that_a_stage_needs_must_be_given(table: TableSpec) -> None:
    assert table.needs(("stb",)) == {"rhd", "stb"}
    with pytest.raises(HandposeError, match=r"guided on stb.*--data rhd=PATH"):
        plan(table, Setting("demo", Path("w"), {"stb": Source(Path("S"))}), ["stb"], [0])


@pytest.mark.parametrize(
    ("rows", "stages", "message"),
    [
        ((RowSpec("a", ("frist",), {"rhd": {}}),), {"first": StageSpec("demo")}, "stages of rows.*'frist'.*first"),
        ((RowSpec("a", ("first",), {"rdh": {}}),), {"first": StageSpec("demo")}, "datasets of rows.*'rdh'"),
        ((RowSpec("a", ("first",), {"rhd": {"epe": 1.0}}),), {"first": StageSpec("demo")}, "measures.*'epe'"),
        ((RowSpec("a", (), {"rhd": {}}),), {}, "a row without stages"),
        (
            (RowSpec("a", ("s", "t"), {"rhd": {}}),),
            {"s": StageSpec("demo"), "t": StageSpec("demo", on={"rhd": "stb"})},
            "row a: found stages on rhd, stb, tested on rhd.*all on stb, or the last one on rhd",
        ),
        ((RowSpec("a", ("s",), {"rhd": {}}),), {"s": StageSpec("demo", ("${rdh}",))}, "placeholders in stages.*'rdh'"),
        (
            (RowSpec("a", ("s", "t"), {"rhd": {}}),),
            {"s": StageSpec("demo"), "t": StageSpec("demo", method="hand3d")},
            "row a: found stages of dggan and hand3d",
        ),
    ],
)
def test_what_does_not_fit_together_is_named(
    rows: tuple[RowSpec, ...], stages: dict[str, StageSpec], message: str
) -> None:
    with pytest.raises(HandposeError, match=message):
        TableSpec("0.0", "", "dggan", ("rhd",), rows, stages)


def test_a_stage_may_train_on_another_dataset_and_take_values_of_the_recipe() -> None:
    stages = {"depth": StageSpec("demo", ("--data.image_size", "${size}"), on={"rhd": "stb"}), "end": StageSpec("demo")}
    rows = (RowSpec("a", ("depth", "end"), {"rhd": {}}),)
    spec = TableSpec("0.0", "", "dggan", ("rhd",), rows, stages, values={"demo": {"size": "96"}})
    assert spec.needs(("rhd",)) == {"rhd", "stb"}
    depth, end = plan(spec, Setting("demo", Path("w"), SOURCES), ["rhd"], [0])[0].node.chain()
    assert (
        " ".join(depth.arguments) == "--config demo --data STB --data.root S --seed_everything 0 --data.image_size 96"
    )
    assert str(depth.folder) == "w/rhd/seed0/depth"
    assert "--data RHD --data.root R" in " ".join(end.arguments)
    with pytest.raises(HandposeError, match="no stb data"):
        plan(spec, Setting("demo", Path("w"), {"rhd": SOURCES["rhd"]}), ["rhd"], [0])
    with pytest.raises(HandposeError, match=r"no value for \$\{size\}"):
        plan(spec, Setting("paper", Path("w"), SOURCES), ["rhd"], [0])


def test_a_row_of_another_method_shares_no_stage_with_the_tables_own(table: TableSpec) -> None:
    stages = {**table.stages, "other": StageSpec("${recipe}-1", ("--model.a", "1"), method="hand3d")}
    rows = (RowSpec("a", ("first",), {"rhd": {}}), RowSpec("b", ("other",), {"rhd": {}}))
    spec = TableSpec("0.0", "", "dggan", ("rhd",), rows, stages)
    own, other = nodes_of(plan(spec, Setting("demo", Path("w"), SOURCES), ["rhd"], [0]))
    assert (own.method, other.method) == ("dggan", "hand3d")
    assert own.arguments == other.arguments
    assert own.folder != other.folder


def test_zimmermann_and_brox_are_run_again_for_tables_3_1_and_3_2() -> None:
    table = find_table("3.1")
    row = next(row for row in table.rows if row.name == "Zimmermann & Brox (re-run)")
    assert {table.stages[name].method for name in row.stages} == {"hand3d"}
    recipes = known_recipes(methods()["hand3d"].package)
    for recipe in ("demo", "paper"):
        assert {table.stages[name].recipe.replace("${recipe}", recipe) for name in row.stages} <= recipes.keys()
    assert row.name in {other.name for other in find_table("3.2").rows}


def test_the_rows_of_table_5_2_are_recipes_on_data_that_can_be_made() -> None:
    table = find_table("5.2")
    recipes = known_recipes(methods()["mvhm"].package)
    for recipe in ("demo", "paper"):
        assert {stage.recipe.replace("${recipe}", recipe) for stage in table.stages.values()} <= recipes.keys()
    assert table.needs(("stb",)) == {"stb", "mvhm"}
    sources = {name: Source(Path(name), prepared=Path(name, "crops")) for name in ("mhp", "stb", "mvhm")}
    cells = plan(table, Setting("demo", Path("w"), sources), ["mhp", "stb"], [0])
    nodes = list(nodes_of(cells))
    own = [node for node in nodes if str(node.folder).startswith("w/stb")]
    assert own[0].arguments[:6] == ("--config", "demo-1-heatmaps", "--data", "Prepared", "--data.root", "stb/crops")
    assert len(own) == 3 + 1  # all of it, and what MVHM taught fine-tuned
    assert sum("mvhm/crops" in node.arguments for node in nodes) == 4 + 2  # once for both datasets, and each fusion
    together = {node.stage for node in nodes if "views" in node.arguments}
    assert together == {name for name in table.stages if "fusion" in name or "views" in name}
    assert {row.name for row in find_table("5.3").rows} <= {row.name for row in table.rows}


def test_mvhm_is_made_by_its_own_command(tmp_path, monkeypatch) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr("handpose_mvhm.generate.command.main", called.append)
    source = Source(tmp_path / "mvhm-tiny", size="tiny")
    make_twin("mvhm", source, print)
    assert called == [[str(source.root), "--poses", "sampled", "--images", "48", "--size", "128", "--seed", "0"]]
    source.root.mkdir()
    manifest = {"recipe": {"views": 8, "seed": 3, "version": "0.1.0"}, "images": {"train": 40, "test": 8}}
    (source.root / "mvhm.json").write_text(json.dumps(manifest))
    described = describe(source)  # with what results print of any twin
    assert {key: described[key] for key in ("source", "world", "seed", "version", "frames")} == {
        "source": "twin", "world": "source", "seed": 3, "version": "0.1.0", "frames": {"train": 40, "test": 8},
    }  # fmt: skip
    assert described["recipe"]["views"] == 8
