"""STB's twin: twelve sequences of one left hand before a colour camera, a depth camera and a stereo pair."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from handpose_core.datasets.stb_layout import CAMERAS, FRAMES, HEIGHT, SEQUENCES, SK_DEPTH_K, WIDTH, Camera, Kind
from handpose_core.datasets.wrist import WristRule
from handpose_core.hand import Side
from handpose_core.synth.draws import frame_generator
from handpose_core.synth.generate import Annotations, Recipe, Twin
from handpose_core.synth.layouts.stb import frame_is_written, write_frame, write_labels
from handpose_core.synth.sequence import HandSequence, View, draw_sequence, film
from handpose_core.synth.twins.worlds import world_of

_PLACE, _REACH, _SWAY = (0.0, 0.0, 560.0), (80.0, 55.0, 90.0), 0.35
"""Where the hand stays before the depth camera and how far it goes, mm; how much its orientation sways, radians."""
_STEREO_TURN, _STEREO_SHIFT = (0.02, -0.12, 0.01), (127.0, 8.0, 12.0)
"""The depth camera's frame to the left stereo camera's: rotation vector, and mm. The real one is not published."""
_COLOUR_KINDS: tuple[Kind, ...] = ("SK_color", "BB_left", "BB_right")
_WRIST_RULE: WristRule = "ring_2.0"


class STBTwin(Twin):
    """Makes STB's sequences; the SK labels' frame is the world's."""

    def parts(self, frames: int) -> dict[str, int]:
        """All twelve sequences, of ``frames`` frames each (at most 1,500, as the real ones)."""
        return dict.fromkeys(SEQUENCES, min(frames, FRAMES))

    def is_written(self, root: Path, part: str, number: int) -> bool:
        """See `handpose_core.synth.generate.Twin`."""
        return frame_is_written(root, part, number)

    def make(self, root: Path, part: str, numbers: Sequence[int]) -> Annotations:
        """See `handpose_core.synth.generate.Twin`."""
        world, sequence = world_of(self.recipe, (HEIGHT, WIDTH)), _sequence(self.recipe, part)
        taken = {}
        for kind, view in _views().items():
            noise = [frame_generator(self.recipe.seed, f"{part}/{kind}", number) for number in numbers]
            taken[kind] = film(world, sequence, numbers, view, noise)
        for i, number in enumerate(numbers):
            colours: dict[Kind, np.ndarray] = {
                kind: frames[i].colour for kind, frames in taken.items() if kind != "SK_depth"
            }
            write_frame(root, part, number, colours, taken["SK_depth"][i].depth)
        return {
            "sk": np.stack([frame.joints_3d for frame in taken["SK_color"]]),
            "bb": np.stack([frame.joints_3d for frame in taken["BB_left"]]),
        }

    def finish(self, root: Path, part: str, annotations: Annotations) -> None:
        """See `handpose_core.synth.generate.Twin`."""
        write_labels(root, part, CAMERAS["sk"], annotations["sk"], _WRIST_RULE)
        write_labels(root, part, CAMERAS["bb_left"], annotations["bb"], _WRIST_RULE)

    def patterns(self, part: str) -> Sequence[str]:
        """See `handpose_core.synth.generate.Twin`."""
        return f"images/{part}/*", f"labels/{part}_*"


@cache
def _sequence(recipe: Recipe, part: str) -> HandSequence:
    """One sequence's person and motion, drawn for the real one's length whatever is made of it."""
    place, reach = torch.tensor(_PLACE), torch.tensor(_REACH)
    generator = frame_generator(recipe.seed, part, -1)
    return draw_sequence(world_of(recipe, (HEIGHT, WIDTH)), Side.LEFT, FRAMES, place, reach, _SWAY, generator)


@cache
def _views() -> Mapping[Kind, View]:
    """Every camera from the depth camera's frame."""
    turn, shift = Rotation.from_rotvec(_STEREO_TURN).as_matrix(), np.array(_STEREO_SHIFT)
    left, right = CAMERAS["bb_left"], CAMERAS["bb_right"]
    return {
        "SK_color": _view(CAMERAS["sk"].K, CAMERAS["sk"].R, CAMERAS["sk"].t),
        "SK_depth": _view(SK_DEPTH_K, np.eye(3), np.zeros(3)),
        "BB_left": _behind(left, turn, shift),
        "BB_right": _behind(right, turn, shift),
    }


def _behind(camera: Camera, turn: np.ndarray, shift: np.ndarray) -> View:
    """A stereo camera, whose own pose is told from the left one's frame."""
    return _view(camera.K, camera.R @ turn, camera.R @ shift + camera.t)


def _view(K: np.ndarray, R: np.ndarray, t: np.ndarray) -> View:
    return View(*(torch.as_tensor(array, dtype=torch.float32) for array in (K, R, t)))
