import json

import pytest

from handpose_core.errors import HandposeError
from handpose_core.hand import Side
from handpose_core.predict.boxes import Box, parse_box, read_boxes


def test_four_numbers_are_a_box():
    assert parse_box("1,2.5,30,40") == Box(1, 2.5, 30, 40)


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "1,2,0,5", "1,2,nan,5", "1,2,-3,5", ""])
def test_other_boxes_are_refused(text):
    with pytest.raises(HandposeError, match="--box"):
        parse_box(text)


def test_a_file_gives_none_one_or_several_boxes_a_picture(tmp_path):
    several = [{"box": [1, 2, 3, 4], "side": "left"}, [5, 6, 7, 8]]
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps({"a.jpg": [1, 2, 3, 4], "b.jpg": several, "c.jpg": []}))
    assert read_boxes(path) == {
        "a.jpg": (Box(1, 2, 3, 4),),
        "b.jpg": (Box(1, 2, 3, 4, Side.LEFT), Box(5, 6, 7, 8)),
        "c.jpg": (),
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2, 3, 4]", "a list"),
        ("{", "no readable JSON"),
        ('{"a.jpg": [1, 2, 3, 4], "a.jpg": [5, 6, 7, 8]}', "this name twice"),
        ('{"\u00e9.jpg": [1, 2, 3, 4], "e\u0301.jpg": [5, 6, 7, 8]}', "this name twice"),
        ('{"a.jpg": {"box": [1, 2, 3, 4], "sides": "left"}}', "the keys sides"),
        ('{"a.jpg": [true, true, true, true]}', "x,y,w,h"),
        ('{"a.jpg": [0, 0, 5, ' + "9" * 400 + "]}", "x,y,w,h"),
        ('{"a.jpg": [0, 0, 1e300, 1e300]}', r"up to 1e\+06"),
        ('{"a.jpg": [1, 2, 3]}', "'a.jpg'"),
        ('{"a.jpg": 5}', "'a.jpg'"),
        ('{"a.jpg": {"side": "left"}}', "'a.jpg'"),
        ('{"a.jpg": {"box": [1, 2, 3, 4], "side": "both"}}', "'both'"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, content, message):
    (tmp_path / "boxes.json").write_text(content)
    with pytest.raises(HandposeError, match=message) as raised:
        read_boxes(tmp_path / "boxes.json")
    assert "boxes.json" in str(raised.value)
