"""Finds hands with MediaPipe; run by a Python that has it, so nothing of the suite is imported here.

Frames as `handpose_core.foreign_python` tells: first the package's name and version; then for each image, its height
and width (two 32-bit integers, little-endian) and RGB bytes, comes JSON: null, or ``joints`` (21 of x, y, px),
``space`` (21 of x, y, z, mm about the hand's middle) and ``score``.
"""

import json
import os
import struct
import sys
from typing import BinaryIO

import mediapipe  # type: ignore[import-not-found]
import numpy as np

_LENGTH, _SIZE = struct.Struct("<q"), struct.Struct("<II")


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    hands = mediapipe.solutions.hands.Hands(static_image_mode=True, max_num_hands=1, min_detection_confidence=0.2)
    _send(answers, f"mediapipe {mediapipe.__version__}")
    while header := sys.stdin.buffer.read(_LENGTH.size):
        content = sys.stdin.buffer.read(_LENGTH.unpack(header)[0])
        height, width = _SIZE.unpack_from(content)
        image = np.frombuffer(content, np.uint8, offset=_SIZE.size).reshape(height, width, 3)
        found = hands.process(image)
        answer = None
        if found.multi_hand_landmarks:
            # its pixels' corners are whole numbers; its joints are in the suite's canonical order
            marks = found.multi_hand_landmarks[0].landmark
            joints = [[mark.x * width - 0.5, mark.y * height - 0.5] for mark in marks]
            places = found.multi_hand_world_landmarks[0].landmark
            space = [[1000 * place.x, 1000 * place.y, 1000 * place.z] for place in places]
            score = found.multi_handedness[0].classification[0].score
            answer = {"joints": joints, "space": space, "score": score}
        _send(answers, json.dumps(answer))


def _send(answers: BinaryIO, text: str) -> None:
    content = text.encode()
    answers.write(_LENGTH.pack(len(content)) + content)
    answers.flush()


if __name__ == "__main__":
    main()
