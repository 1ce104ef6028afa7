"""Figures 2.4, 2.6 and 2.7 of the thesis from one's own data: condition maps, generators on the same inputs, tones."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from handpose_core.datamodules.crops import byte_pixels
from handpose_core.datasets.folder import Folder
from handpose_core.errors import HandposeError
from handpose_core.viz import PREDICTION, contact_sheet, draw_hand, with_caption
from handpose_tagan.conditions.maps import ConditionMaps
from handpose_tagan.generated import Generation, LabelledHands
from handpose_tagan.losses import tonality_loss
from handpose_tagan.simulation.reader import SimulatedFolder
from handpose_tagan.superposition.bulk import read_pairs

TILE = 192
"""Side of the pictures on a sheet, px."""
SEARCHED = 64
"""Superposed hands, evenly spread, among which those that fit their pictures least are looked for."""
Tile = UInt8[ndarray, "s s 3"]


def maps_sheet(pictures: Path, maps: ConditionMaps, count: int, side: int) -> UInt8[ndarray, "h w 3"]:
    """Figure 2.4: real images, below them their colour maps and their shape maps.

    Args:
        pictures: a folder of images, or a video.
        maps: makes both.
        count: how many of them, evenly spread.
        side: of the images that maps are made of, px.

    Raises:
        HandposeError: there are no images, or one is damaged.
    """
    folder = Folder(pictures, labels="none")
    images = [_squared(byte_pixels(folder[number]["image"])) for number in _spread(len(folder), count)]
    both = [maps(_as_batch(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA))) for image in images]
    rows = {
        "image": images,
        "colour map": [_tile(_as_pixels(found.colour)) for found in both],
        "shape map": [_tile(_as_pixels(found.shape)) for found in both],
    }
    return np.concatenate([with_caption(contact_sheet(tiles, len(tiles)), title) for title, tiles in rows.items()])


class Origins:
    """What superposed hands were made of.

    Args:
        superposed: their folder.
        real: the real pictures.
        simulated: the simulated hands.

    Raises:
        HandposeError: the folder has no record of its pairs, or one of the others is not what it was made of.
    """

    def __init__(self, superposed: Path, real: Path, simulated: Path) -> None:
        self._pairs = read_pairs(superposed)
        self._real, self._simulated = Folder(real, labels="none"), SimulatedFolder(simulated)
        reach = [max(numbers) for numbers in zip(*self._pairs, strict=True)]
        lengths = (len(self._real), len(self._simulated))
        for where, length, last in zip((real, simulated), lengths, reach, strict=True):
            if last >= length:
                found, fix = f"{length} of them", "Give the folders that handpose tagan superpose was given."
                raise HandposeError(str(where), found, f"at least {last + 1}, as {superposed} was made of", fix)

    def panels(self, number: int) -> dict[str, Tile]:
        """The real picture and the simulated hand of a superposed one."""
        real, simulated = self._pairs[number]
        hand = self._simulated[simulated].rgba
        return {"real": _squared(byte_pixels(self._real[real]["image"])), "simulated": _tile(hand[..., :3])}


def comparison_sheet(
    hands: LabelledHands, generators: Mapping[str, Path], maps: ConditionMaps, count: int, origins: Origins | None
) -> UInt8[ndarray, "h w 3"]:
    """Figure 2.6: a row a hand: what it was made of, its keypoints, its maps, and what each generator makes of it.

    Args:
        hands: simulated or superposed ones.
        generators: checkpoints, by what stands above their pictures.
        maps: makes the maps that are shown.
        count: how many hands, evenly spread.
        origins: of superposed hands; None leaves out what they were made of.

    Raises:
        HandposeError: a file is no checkpoint of this method, or a picture is damaged.
    """
    made = {title: Generation(hands, checkpoint, 0, "cpu") for title, checkpoint in generators.items()}
    side = min([hands.size, *(generation.recipe.size for generation in made.values())])  # as generators see them
    rows: list[Tile] = []
    for number in _spread(len(hands), count):
        picture = hands.image(number)
        image, seen = _tile(picture), cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        joints = (hands.pictures[number]["joints_2d"].double().numpy() + 0.5) * TILE / hands.size - 0.5
        found = maps(_as_batch(seen))
        panels = origins.panels(number) if origins else {}
        panels |= {hands.hands: image, "keypoints": draw_hand(image, joints, PREDICTION)}
        panels |= {"colour map": _tile(_as_pixels(found.colour)), "shape map": _tile(_as_pixels(found.shape))}
        panels |= {title: _tile(generation.picture(number)) for title, generation in made.items()}
        tiles = [panel if rows else with_caption(panel, title) for title, panel in panels.items()]
        rows.append(contact_sheet(tiles, len(tiles), gap=4))
    return np.concatenate(rows)


def tonality_sheet(
    hands: LabelledHands, generators: Mapping[str, Path], count: int, origins: Origins
) -> UInt8[ndarray, "h w 3"]:
    """Figure 2.7: superposed hands whose tones fit their pictures least, and what each generator makes of them.

    Above each picture stands how far its colours are from the real picture's: the tonality loss (2.10).

    Args:
        hands: superposed ones.
        generators: checkpoints, by what stands above their pictures.
        count: how many hands; they are looked for among `SEARCHED`.
        origins: what the hands were made of.

    Raises:
        HandposeError: a file is no checkpoint of this method, or a picture is damaged.
    """
    made = {title: Generation(hands, checkpoint, 0, "cpu") for title, checkpoint in generators.items()}
    real = {number: origins.panels(number)["real"] for number in _spread(len(hands), SEARCHED)}
    tones = {number: _tones_apart(_tile(hands.image(number)), image) for number, image in real.items()}
    rows: list[Tile] = []
    for number in sorted(tones, key=lambda number: tones[number], reverse=True)[:count]:
        pictures = {hands.hands: _tile(hands.image(number))}
        pictures |= {title: _tile(generation.picture(number)) for title, generation in made.items()}
        panels = {"real": real[number]}
        panels |= {f"{name} {_tones_apart(tile, real[number]):.2f}": tile for name, tile in pictures.items()}
        rows.append(contact_sheet([with_caption(tile, title) for title, tile in panels.items()], len(panels), gap=4))
    return np.concatenate(rows)


def _tones_apart(image: Tile, real: Tile) -> float:
    return float(tonality_loss(_as_batch(image), _as_batch(real)))


def _spread(count: int, wanted: int) -> Sequence[int]:
    return [position * count // min(wanted, count) for position in range(min(wanted, count))]


def _squared(image: UInt8[ndarray, "h w 3"]) -> Tile:
    """The middle of a picture, as a tile."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return _tile(image[top : top + side, left : left + side])


def _tile(image: UInt8[ndarray, "h h 3"]) -> Tile:
    method = cv2.INTER_AREA if image.shape[0] > TILE else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(image), (TILE, TILE), interpolation=method)  # type: ignore[return-value]


def _as_batch(image: UInt8[ndarray, "h w 3"]) -> Float[Tensor, "1 3 h w"]:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255


def _as_pixels(image: Float[Tensor, "1 c h w"]) -> UInt8[ndarray, "h w 3"]:
    pixels = (image[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).expand(-1, -1, 3)
    return np.ascontiguousarray(pixels.numpy())
