"""MediaPipe in another Python: its protocol with a stand-in, and what is said where it is not to be had."""

import sys

import numpy as np
import pytest

from handpose_core.errors import HandposeError
from handpose_tagan.detection.mediapipe import MediaPipe

STAND_IN = """#!{python}
import json, struct, sys
def send(text):
    sys.stdout.buffer.write(struct.pack("<q", len(text)) + text.encode())
    sys.stdout.buffer.flush()
send("mediapipe 0.0")
while header := sys.stdin.buffer.read(8):
    content = sys.stdin.buffer.read(*struct.unpack("<q", header))
    height, width = struct.unpack_from("<II", content)
    pixels = content[8:]
    assert len(pixels) == height * width * 3
    if pixels[0] == 99:
        sys.exit("out of memory")
    joints = [[width, height]] * 20 + [[pixels[0], pixels[-1]]]
    answer = {{"joints": joints, "space": [[1, 2, 3]] * 21, "score": 0.75}} if pixels[0] else None
    send(json.dumps(answer))
"""


@pytest.fixture
def stand_in(tmp_path):
    path = tmp_path / "python"
    path.write_text(STAND_IN.format(python=sys.executable))
    path.chmod(0o700)
    return str(path)


def test_images_are_sent_whole_and_keypoints_come_back(stand_in):
    image = np.zeros((5, 7, 3), np.uint8)
    with MediaPipe(stand_in) as detector:
        assert detector.version == "mediapipe 0.0"
        assert detector.detect(image) is None
        image[0, 0, 0], image[-1, -1, -1] = 3, 4
        seen = detector.detect(image)
        assert seen.joints_2d.tolist() == [[7, 5]] * 20 + [[3, 4]]
        assert seen.scores.tolist() == [0.75] * 21
        assert detector.landmarks(image).joints_3d.tolist() == [[1, 2, 3]] * 21
        assert detector.detect(image[::-1]) is None  # sent row by row as they are seen, not as they lie in memory


def test_its_last_words_are_told(stand_in):
    detector = MediaPipe(stand_in)
    with pytest.raises(HandposeError, match="out of memory"):
        detector.detect(np.full((2, 2, 3), 99, np.uint8))


def test_a_python_without_it_is_named(tmp_path):
    with pytest.raises(HandposeError, match=r"No module named 'mediapipe'.*pip install mediapipe"):
        MediaPipe(sys.executable)
    with pytest.raises(HandposeError, match="nowhere"):
        MediaPipe(str(tmp_path / "nowhere"))
