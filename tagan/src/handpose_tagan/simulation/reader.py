"""Reads a folder of simulated hands, as `handpose tagan simulate` writes it."""

from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.datasets.folder import LABELS_FILE
from handpose_core.datasets.folder_labels import read_labels
from handpose_core.errors import HandposeError
from handpose_core.hand import Side
from handpose_core.io.foreign import refuse_foreign
from handpose_core.io.image_files import visible_names
from handpose_tagan.simulation.bulk import PART, colour_path, mask_path
from handpose_tagan.superposition.hands import SimulatedHand
from handpose_tagan.superposition.matching import PoseIndex

_NEEDED = ("joints_2d", "joints_3d", "visible", "K", "side")
_MAKE = "Make one with handpose tagan simulate."


class SimulatedFolder:
    """Simulated hands on disk; their joints are in memory, pictures are read one at a time.

    Args:
        root: the folder.

    Raises:
        HandposeError: it holds no simulated hands, or their making was not finished.
    """

    def __init__(self, root: str | Path) -> None:
        self.folder = Path(root) / PART
        path = self.folder / LABELS_FILE
        if not path.is_file():
            raise HandposeError(f"simulated hands {root}", f"no {PART}/{LABELS_FILE}", "a finished folder", _MAKE)
        names = sorted(name for name in visible_names(self.folder / "images") if name.endswith(".png"))
        self._labels = read_labels(path, names).rows
        if missing := [name for name in _NEEDED if name not in self._labels]:
            raise HandposeError(str(path), f"no {', '.join(missing)}", "all labels of simulated hands", _MAKE)

    def __len__(self) -> int:
        return len(self._labels["joints_2d"])

    def index(self) -> PoseIndex:
        """The hands' poses, to be searched."""
        return PoseIndex(torch.from_numpy(self._labels["joints_2d"].astype(np.float32)))

    def __getitem__(self, number: int) -> SimulatedHand:
        """One hand.

        Raises:
            HandposeError: a picture is missing or damaged.
        """
        rgba = _read(colour_path(self.folder, number), 4)
        row = {name: self._labels[name][number] for name in _NEEDED}
        return SimulatedHand(
            rgba=cv2.cvtColor(rgba, cv2.COLOR_BGRA2RGBA).astype(np.uint8),
            mask=_read(mask_path(self.folder, number), 1) > 0,
            joints_2d=row["joints_2d"],
            joints_3d=row["joints_3d"],
            visible=row["visible"].astype(bool),
            K=row["K"],
            side=Side(int(row["side"])),
        )


def _read(path: Path, channels: int) -> UInt8[ndarray, "h w *channels"]:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.is_file() else None
    if pixels is None or pixels.dtype != np.uint8 or (pixels.shape[2] if pixels.ndim == 3 else 1) != channels:
        refuse_foreign(path, f"a PNG of {channels} channels")
        found = "no such file" if not path.is_file() else "a damaged file, or of another kind"
        raise HandposeError(str(path), found, f"a PNG of {channels} channels", _MAKE)
    return pixels  # type: ignore[no-any-return]
