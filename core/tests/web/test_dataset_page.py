"""``handpose data show --web``: the page as its server gives it, and what is said instead of it."""

import re
import shutil
import socket
import subprocess
import sys
from urllib.request import urlopen

import cv2
import numpy as np
import pytest
from core.tests.web.serving import ask, fetched_elsewhere, serving

from handpose_core.cli.data import main
from handpose_core.datasets.rhd import RHD
from handpose_core.errors import HandposeError
from handpose_core.viz.sample import draw_sample
from handpose_core.web.leaves import Leaves

COMMAND = [sys.executable, "-m", "handpose_core.cli.main", "data", "show"]


@pytest.fixture(scope="module")
def damaged(rhd_root, tmp_path_factory):
    """A copy in which training frame 4 cannot be read, nor the whole evaluation split."""
    root = shutil.copytree(rhd_root, tmp_path_factory.mktemp("page") / "rhd")
    (root / "training" / "color" / "00004.png").write_bytes(b"x")
    (root / "evaluation" / "anno_evaluation.pickle").write_bytes(b"x")
    return root


@pytest.fixture(scope="module")
def served(damaged):
    with serving([*COMMAND, str(damaged), "--web", "--index", "3"]) as address:
        yield address


@pytest.fixture(scope="module")
def page(served):
    """Does what the page does when something is clicked: the name of the event and its inputs to its outputs."""

    def outputs(event, *inputs):
        found = ask(served, event, *inputs)
        return found if len(found) > 1 else found[0]

    return outputs


def image(file):
    """The RGB picture that the page fetches."""
    with urlopen(file["url"], timeout=300) as answer:
        return cv2.imdecode(np.frombuffer(answer.read(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_a_sample_is_shown_with_its_labels(page, damaged):
    name, problem, picture, labels = page("sample", "training", 3)
    assert name.endswith("training, frame 3")
    assert not problem["visible"]
    drawn = draw_sample(RHD(damaged, "training", missing="skip")[3])
    assert (image(picture) == drawn).all()
    assert ["image", "320 x 320 px"] in labels["data"]


def test_leafing_goes_round(page):
    assert page("next", "training", 3) == 4
    assert page("next", "training", 11) == 0
    assert page("previous", "training", 0) == 11
    assert all(0 <= page("random", "training") < 12 for _ in range(5))


def test_a_sample_that_cannot_be_read_is_told_in_the_page(page):
    name, problem, picture, labels = page("sample", "training", 4)
    assert name.endswith("training, frame 4")
    assert problem["visible"]
    assert re.search(r"00004\.png: found 1 bytes .* Get this file again", problem["value"])
    assert picture is None
    assert labels["data"] == []
    assert page("sample", "training", 5)[2] is not None  # and the page goes on


def test_a_split_that_cannot_be_read_is_told_in_the_page(page):
    slider, choices, _, problem, picture, _ = page("split", "evaluation")
    assert (slider["value"], choices["data"], picture) == (0, [], None)
    assert "anno_evaluation.pickle" in problem["value"]
    slider, choices, *_ = page("split", "training")
    assert slider["maximum"] == 11
    assert ["hand_rule", "mask_area"] in choices["data"]


def test_the_page_takes_nothing_from_elsewhere(served):
    page = urlopen(served).read().decode()
    assert "rhd" in page
    assert not fetched_elsewhere(served)
    assert "fonts.googleapis" not in page


def test_an_index_outside_the_split_is_told(rhd_root):
    leaf = Leaves(rhd_root).leaf("evaluation", 7)
    assert "found 7; expected 0 to 6" in leaf.problem
    assert leaf.picture is None


@pytest.mark.parametrize("port", ["0", "-5", "99999"])
def test_a_port_that_there_is_not_is_named(rhd_root, port, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["show", str(rhd_root), "--web", f"--port={port}"])
    assert "expected a port from 1 to 65535" in capsys.readouterr().err


def test_a_port_in_use_is_named(rhd_root):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [*COMMAND, str(rhd_root), "--web", "--port", str(port)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 2
    assert f"127.0.0.1, port {port}, where no page can be served" in ended.stderr


def test_without_gradio_its_extra_is_named(rhd_root, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(HandposeError, match=r"python -m pip install 'handpose-core\[web\]'"):
        main(["show", str(rhd_root), "--web"])


@pytest.mark.parametrize("options", [["--port", "7860"], ["--host", "0.0.0.0"], ["--web", "--out", "a.png"]])
def test_options_that_do_not_go_together_are_refused(rhd_root, options, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["show", str(rhd_root), *options])
    assert "--web" in capsys.readouterr().err
