"""Finds hands with MediaPipe; run by a Python that has it, so nothing of the suite is imported here.

Standard input: for each image its height and width (two 32-bit integers, little-endian) and its RGB bytes. Standard
output: a line when it is ready, then a line of JSON an image: null, or ``joints`` (21 of x, y, px) and ``score``.
"""

import json
import struct
import sys

import mediapipe  # type: ignore[import-not-found]
import numpy as np

_HEADER = struct.Struct("<II")


def main() -> None:
    """Answer until the input ends."""
    hands = mediapipe.solutions.hands.Hands(static_image_mode=True, max_num_hands=1, min_detection_confidence=0.2)
    print(f"mediapipe {mediapipe.__version__}", flush=True)
    while header := sys.stdin.buffer.read(_HEADER.size):
        height, width = _HEADER.unpack(header)
        image = np.frombuffer(sys.stdin.buffer.read(height * width * 3), np.uint8).reshape(height, width, 3)
        found = hands.process(image)
        answer = None
        if found.multi_hand_landmarks:
            # its pixels' corners are whole numbers; its joints are in the suite's canonical order
            marks = found.multi_hand_landmarks[0].landmark
            joints = [[mark.x * width - 0.5, mark.y * height - 0.5] for mark in marks]
            answer = {"joints": joints, "score": found.multi_handedness[0].classification[0].score}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
