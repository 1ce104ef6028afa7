"""Which weights may start a row of a table: the worlds that they have seen are read from their history."""

import json

import pytest
from core.tests.estimators.small_onehand import write_checkpoint

from handpose_core.datasets.world import joined, split_worlds, world_of
from handpose_core.errors import HandposeError
from handpose_core.nn.backbones.weights import packed_path
from handpose_core.predict.shipped import SHIPPED
from handpose_core.training.experiment.provenance import refuse_start, start_of, start_of_file, starts_of, worlds_seen

FROM_SOURCE = {"dataset": "a set", "world": "source"}


def test_the_estimator_that_comes_with_the_suite_starts_no_row_of_any_table():
    start = start_of_file(SHIPPED, "--init_from")
    assert start.worlds == {"source", "target"}
    for tested in ("source", "target", None):
        with pytest.raises(HandposeError, match="which has seen the target world"):
            refuse_start(start, tested)


def test_nor_do_weights_that_were_trained_on_from_it():
    trained_on = [*_history(SHIPPED), FROM_SOURCE]
    with pytest.raises(HandposeError, match="which has seen the target world"):
        refuse_start(start_of("--init_from mine.ckpt", trained_on), "target")


def test_source_weights_start_rows_on_the_target_world_alone():
    start = start_of_file(packed_path("lite0"), "--init_from")
    assert (start.worlds, start.shipped) == ({"source"}, False)
    refuse_start(start, "target")
    with pytest.raises(HandposeError, match="weights that have seen the source world"):
        refuse_start(start, "source")


def test_weights_that_do_not_say_what_they_have_seen_are_refused_on_twins_and_not_on_real_data():
    for history in ([], [{"dataset": "of an older version"}]):
        start = start_of("--init_from old.ckpt", history)
        refuse_start(start, None)
        with pytest.raises(HandposeError, match="does not say which worlds they have seen"):
            refuse_start(start, "target")


def test_worlds_of_all_trainings_and_of_the_first_weights_count():
    assert worlds_seen([FROM_SOURCE, {"dataset": "another", "world": "target"}]) == {"source", "target"}
    assert worlds_seen([{"world": "none"}]) == set()
    mixed = {"dataset": "a + b", "0.world": "source", "1.world": "target", "world": "source + target"}
    assert worlds_seen([mixed]) == {"source", "target"}


def test_starts_of_a_trainings_options(tmp_path):
    path = write_checkpoint(tmp_path / "own.ckpt")
    options = {"init_from": str(path), "model": {"init_args": {"cpm": {"x": 1}, "backbone_weights": "source"}}}
    own, named = starts_of(options)
    assert own.where == f"--init_from {path}"
    assert (named.where, named.worlds) == ("--model.backbone_weights source", {"source"})
    assert starts_of({"model": {"backbone_weights": "imagenet"}})[0].worlds == set()
    with pytest.raises(HandposeError, match=r"--init_from .*cannot be read"):
        starts_of({"init_from": str(tmp_path / "none.ckpt")})


@pytest.mark.parametrize(
    ("name", "content", "world"),
    [
        ("synth.json", {"world": "target"}, "target"),
        ("synth.json", {"world": "source"}, "source"),
        ("synth.json", {}, "unknown"),
        ("mvhm.json", {"recipe": {"rig": "anny"}}, "source"),
        ("mvhm.json", {"recipe": {"rig": "webxr"}}, "source + target"),
        ("generated.json", {}, "unknown"),
        ("readme.json", {}, "none"),
    ],
)
def test_a_folder_names_its_world(tmp_path, name, content, world):
    (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "training").mkdir()
    assert world_of(tmp_path) == world_of(tmp_path / "training") == world


def test_worlds_are_joined_and_split():
    assert joined(["none", "target", "source + target"]) == "source + target"
    assert joined(["none"]) == "none"
    assert split_worlds("source + target") == {"source", "target"}
    assert split_worlds("none") == set()


def _history(path):
    from handpose_core.training.experiment.provenance import _packed_history

    return _packed_history(path)
