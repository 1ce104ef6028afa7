"""Makes generated training sets (thesis, section 2.5): labelled hands, through a trained generator or as they are.

On disk they are a folder of pictures with labels, as `handpose_core.datasets.folder.Folder` reads them, so that every
other method trains on them. What they were made from and how stands in `MANIFEST`. An interrupted making goes on.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray

from handpose_core import __version__
from handpose_core.camera import crop_matrix
from handpose_core.datamodules.crops import byte_pixels
from handpose_core.datasets.folder import LABELS_FILE, Folder
from handpose_core.datasets.images import read_rgb
from handpose_core.errors import HandposeError
from handpose_core.io.atomic import write_bytes, write_text
from handpose_core.io.checksums import file_checksum
from handpose_core.synth.generate import MANIFEST as SYNTH_MANIFEST
from handpose_tagan.module import TAGANModule
from handpose_tagan.simulation.bulk import PART
from handpose_tagan.superposition.bulk import COUNTS

MANIFEST = "generated.json"
_CLEAR, _REAL, _OTHER = "CBG", "RBG", "as they are"
"""Hands on a clear and on a real background: the thesis's names; and labelled pictures from elsewhere."""


@dataclass(frozen=True)
class GeneratedRecipe:
    """What a generated set depends on; stored with it, and a later run must agree.

    Attributes:
        variant: the generator's objective, ``TAGAN``, ``Pix2pix`` or ``CycleGAN``; without one, as ``hands``.
        hands: what went in: ``CBG``, ``RBG``, or, made elsewhere, ``as they are``.
        source: the folder's name.
        labels: the checksum of its labels.
        frames: how many hands it has.
        checkpoint: the file's checksum; None without a generator.
        generator: its choices; nothing without one.
        size: side of the pictures, px.
        seed: of the generator's noise.
        device: the kind on which the noise was drawn.
        version: of handpose-core.
    """

    variant: str
    hands: str
    source: str
    labels: str
    frames: int
    checkpoint: str | None
    generator: dict[str, str]
    size: int
    seed: int
    device: str
    version: str = __version__


class LabelledHands:
    """Square pictures of one size with labels: a folder of simulated hands, of superposed ones, or a like one.

    Args:
        root: the folder; that of `handpose tagan simulate` may be named as a whole.

    Raises:
        HandposeError: it has no labels or no square pictures.
    """

    def __init__(self, root: Path) -> None:
        self.root = root / PART if (root / PART / LABELS_FILE).is_file() else root
        if not (self.root / LABELS_FILE).is_file():
            raise HandposeError(
                str(root), f"no {LABELS_FILE}", "a finished folder of simulated or superposed hands",
                "Make one with handpose tagan simulate, or handpose tagan superpose.",
            )  # fmt: skip
        self.name = root.resolve().name
        made_here = (self.root / COUNTS).is_file(), (self.root.parent / SYNTH_MANIFEST).is_file()
        self.hands = {(True, False): _REAL, (False, True): _CLEAR}.get(made_here, _OTHER)
        self.pictures = Folder(self.root)
        self.size = int(self.pictures[0]["image"].shape[-1])

    def __len__(self) -> int:
        return len(self.pictures)

    def image(self, number: int) -> UInt8[ndarray, "h w 3"]:
        """One picture.

        Raises:
            HandposeError: it has another shape than the first.
        """
        image = byte_pixels(self.pictures[number]["image"])
        if image.shape[:2] != (self.size, self.size):
            found = f"{image.shape[1]} x {image.shape[0]} px"
            where, wanted = self.pictures.where(number), f"{self.size} x {self.size} px, as the first"
            raise HandposeError(where, found, wanted, "Take pictures that handpose tagan superpose made.")
        return image

    def mask(self, number: int) -> Path:
        """Where the hand's mask is, if there is one."""
        return self.root / "masks" / f"{Path(self.pictures.names[number]).stem}.png"


class Generation:
    """Makes a generated set.

    Args:
        hands: what it is made of.
        checkpoint: of the generator; None takes the pictures as they are.
        seed: of the generator's noise: a picture's own follows from it and the picture's number.
        device: where the generator runs.

    Raises:
        HandposeError: the file is no checkpoint of this method.
    """

    def __init__(self, hands: LabelledHands, checkpoint: Path | None, seed: int, device: str) -> None:
        self.hands, self.device = hands, torch.device(device)
        self._module: TAGANModule | None = None
        if checkpoint is not None:
            self._module = TAGANModule.load_from_checkpoint(checkpoint, map_location=self.device).eval()
        self.recipe = GeneratedRecipe(
            variant=hands.hands if self._module is None else type(self._module.objective).__name__,
            hands=hands.hands,
            source=hands.name,
            labels=file_checksum(hands.root / LABELS_FILE),
            frames=len(hands),
            checkpoint=file_checksum(checkpoint) if checkpoint else None,
            generator=self._module.describe() if self._module else {},
            size=(self._module.side if self._module else None) or hands.size,
            seed=seed,
            device=self.device.type,
        )

    def picture(self, number: int) -> UInt8[ndarray, "s s 3"]:
        """One picture of the set; on its own, as normalisation by batch would mix it with its neighbours."""
        method = cv2.INTER_AREA if self.recipe.size < self.hands.size else cv2.INTER_LINEAR
        image = _resized(self.hands.image(number), self.recipe.size, method)
        if self._module is None:
            return image
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None].to(self.device).float() / 255
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.no_grad():
            torch.manual_seed(int(np.random.SeedSequence((self.recipe.seed, number)).generate_state(1)[0]))
            made = self._module(pixels)[0]
        return (made * 255).round().byte().permute(1, 2, 0).cpu().numpy()

    def write(self, out: Path) -> Iterator[int]:
        """Make what is not there yet; yields how many pictures are. Labels and counts come last.

        Raises:
            HandposeError: the folder holds something else, or was begun with another recipe.
        """
        _claim(out, self.recipe)
        masks = 0
        for number in range(len(self.hands)):
            stem = Path(self.hands.pictures.names[number]).stem
            masks += self._write_mask(out / "masks" / f"{stem}.png", number)
            path = out / "images" / f"{stem}.png"
            if not path.is_file():
                _write_png(path, cv2.cvtColor(self.picture(number), cv2.COLOR_RGB2BGR))
            yield number + 1
        write_bytes(out / LABELS_FILE, self._labels())
        counts = {"written": {"pictures": len(self.hands), "masks": masks}}
        write_text(out / MANIFEST, json.dumps(asdict(self.recipe) | counts, indent=2) + "\n")

    def _write_mask(self, path: Path, number: int) -> bool:
        """Carry a mask over, where there is one; whether there is."""
        source = self.hands.mask(number)
        if not source.is_file():
            return False
        if not path.is_file():
            if self.recipe.size == self.hands.size:
                write_bytes(path, source.read_bytes())
            else:
                mask = np.asarray(read_rgb(source)[..., 0])
                _write_png(path, _resized(mask, self.recipe.size, cv2.INTER_NEAREST))
        return True

    def _labels(self) -> bytes:
        """The labels as they are, or in px of pictures of another size."""
        content = (self.hands.root / LABELS_FILE).read_bytes()
        if self.recipe.size == self.hands.size:
            return content
        middle, side = torch.full((2,), (self.hands.size - 1) / 2).double(), torch.tensor(float(self.hands.size))
        A = crop_matrix(middle, side.double(), self.recipe.size).numpy()
        arrays: dict[str, Any] = dict(np.load(BytesIO(content)))
        if "joints_2d" in arrays:
            arrays["joints_2d"] = arrays["joints_2d"] @ A[:2, :2].T + A[:2, 2]
        if "K" in arrays:
            arrays["K"] = A @ arrays["K"]
        scaled = BytesIO()
        np.savez(scaled, **arrays)
        return scaled.getvalue()


def _claim(out: Path, recipe: GeneratedRecipe) -> None:
    """Write the manifest into a new folder, or see that the one there agrees."""
    path = out / MANIFEST
    if not path.is_file():
        if out.exists() and any(out.iterdir()):
            wanted = f"a new or empty one, or one with a {MANIFEST}"
            raise HandposeError(str(out), "a folder with other files in it", wanted, "Choose another.")
        write_text(path, json.dumps(asdict(recipe), indent=2) + "\n")
        return
    try:
        found = dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        damaged = f"a file that is no manifest ({error})"
        raise HandposeError(str(path), damaged, "the manifest as it was written", "Choose another folder.") from error
    wanted_now = asdict(recipe)
    if different := [name for name, value in wanted_now.items() if found.get(name) != value]:
        raise HandposeError(
            str(path), ", ".join(f"{name} = {found.get(name)}" for name in different),
            ", ".join(f"{name} = {wanted_now[name]}" for name in different),
            "Go on with what it was begun with, or choose another folder.",
        )  # fmt: skip


def _resized(pixels: UInt8[ndarray, "h w *c"], size: int, method: int) -> UInt8[ndarray, "s s *c"]:
    return pixels if pixels.shape[0] == size else cv2.resize(pixels, (size, size), interpolation=method)  # type: ignore[return-value]


def _write_png(path: Path, pixels: UInt8[ndarray, "h w *c"]) -> None:
    write_bytes(path, cv2.imencode(".png", pixels)[1].tobytes())
