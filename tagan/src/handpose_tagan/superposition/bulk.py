"""Makes superposed hands in bulk: the "AR hand w/ RBG" (real background) of Tables 2.1 to 2.3, and TAGAN's input.

On disk they are a folder of pictures with labels, as `handpose_core.datasets.folder.Folder` reads them; what could not
be used, and why, stands in `COUNTS`.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from handpose_core.datasets.folder import LABELS_FILE
from handpose_core.errors import HandposeError
from handpose_core.io.atomic import claim_folder, write_bytes, write_text
from handpose_core.io.image_files import visible_names
from handpose_core.io.outputs import check_folder_path
from handpose_tagan.simulation.reader import SimulatedFolder
from handpose_tagan.superposition.compose import Superposed, Superposition
from handpose_tagan.superposition.hands import RealHand, Unfit
from handpose_tagan.superposition.matching import Family

COUNTS = "superposed.json"
PAIRS = "pairs.json"
"""The numbers of the real picture and the simulated hand of every picture."""
#: Reason for a real hand that no simulated pose fits under the allowed maps.
NO_MATCH = "no match"
_LABELS = ("joints_2d", "joints_3d", "visible", "K", "side")


@dataclass
class Tally:
    """What became of the real pictures.

    Attributes:
        seen: pictures looked at.
        made: pictures made of them.
        skipped: pairs and pictures that could not be used, by reason.
        pairs: the numbers of the real picture and the simulated hand of each picture made.
    """

    seen: int = 0
    made: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    pairs: list[tuple[int, int]] = field(default_factory=list)

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.skipped.most_common())
        made = f"{self.made} superposed hands from {self.seen} real pictures"
        return f"{made}; skipped: {reasons}" if reasons else made


def superpose_all(
    hands: Iterable[RealHand | Unfit],
    simulated: SimulatedFolder,
    lay: Superposition,
    family: Family,
    each: int,
    tally: Tally,
) -> Iterator[Superposed]:
    """The best simulated poses over every real hand.

    Args:
        hands: the places, or why a picture is none.
        simulated: what is laid over them.
        lay: how.
        family: the maps that are allowed.
        each: simulated hands a real one.
        tally: counts what is seen, made and skipped.
    """
    index = simulated.index()
    for hand in hands:
        tally.seen += 1
        if isinstance(hand, Unfit):
            tally.skipped[hand.reason] += 1
            continue
        query = torch.from_numpy(np.where(hand.present[:, None], hand.joints_2d, 0)).float()[None]
        found = index.match(query, torch.from_numpy(hand.present)[None], min(each, len(index)), family)
        for number, g in zip(found.indices[0].tolist(), found.maps[0].double().numpy(), strict=True):
            if number < 0:  # the index found fewer poses than were asked for
                tally.skipped[NO_MATCH] += 1
                continue
            try:
                made = lay(hand, simulated[number], g)
            except Unfit as unfit:
                tally.skipped[unfit.reason] += 1
                continue
            tally.made += 1
            tally.pairs.append((tally.seen - 1, number))
            yield made


def write_superposed(
    pictures: Iterable[Superposed], out: Path, tally: Tally, made_with: Mapping[str, Any] | None = None
) -> None:
    """Write pictures, masks and labels into a folder beside it, which gets its name when all is there.

    Args:
        pictures: what to write.
        out: the folder.
        tally: what became of the real pictures.
        made_with: what they depend on, to be recorded with the counts.

    Raises:
        HandposeError: the folder is not empty, or no picture could be made.
    """
    check_folder_path(out, str(out))
    if visible_names(out):
        raise HandposeError(str(out), "a folder with files in it", "a new or empty one", "Choose another.")
    making = claim_folder(out.with_name(f".{out.name}.unfinished"))
    try:
        _write_all(pictures, making, out, tally, made_with or {})
        if out.exists():  # but for hidden files it is empty: a folder cannot take its place on every system
            shutil.rmtree(out)
        making.replace(out)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise


def _write_all(
    pictures: Iterable[Superposed], making: Path, out: Path, tally: Tally, made_with: Mapping[str, Any]
) -> None:
    rows: list[dict[str, Any]] = []
    for number, picture in enumerate(pictures):
        _write(making / "images" / f"{number:08d}.png", cv2.cvtColor(picture.image, cv2.COLOR_RGB2BGR))
        _write(making / "masks" / f"{number:08d}.png", picture.mask.astype(np.uint8) * 255)
        rows.append({name: np.asarray(getattr(picture, name)) for name in _LABELS})
    if not rows:
        raise HandposeError(
            str(out), f"nothing to write: {tally}", "at least one hand that can be superposed",
            "See the reasons: other pictures, a lower threshold, or more simulated hands.",
        )  # fmt: skip
    content = BytesIO()
    arrays: dict[str, Any] = {name: np.stack([row[name] for row in rows]) for name in _LABELS}
    np.savez(content, **arrays)
    write_bytes(making / LABELS_FILE, content.getvalue())
    record = {**made_with, "seen": tally.seen, "made": tally.made, "skipped": dict(tally.skipped.most_common())}
    write_text(making / PAIRS, json.dumps(tally.pairs) + "\n")
    write_text(making / COUNTS, json.dumps(record, indent=2) + "\n")


def finished_with(out: Path, made_with: Mapping[str, Any]) -> bool:
    """Whether a folder holds superposed hands that were made with the same.

    Raises:
        HandposeError: its counts are damaged.
    """
    path = out / COUNTS
    if not path.is_file():
        return False
    try:
        record = dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        found = f"a file that is no record ({error})"
        raise HandposeError(str(path), found, "the record as it was written", "Choose another folder.") from error
    return all(record.get(name) == value for name, value in made_with.items())


def read_pairs(superposed: Path) -> list[tuple[int, int]]:
    """The numbers of the real picture and the simulated hand of each picture in a folder of superposed hands.

    Raises:
        HandposeError: it has no record of them, or a damaged one.
    """
    path = superposed / PAIRS
    try:
        return [(int(real), int(simulated)) for real, simulated in json.loads(path.read_bytes())]
    except (OSError, ValueError, TypeError) as error:
        raise HandposeError(
            str(path), f"no record of pairs ({error})", "the one that handpose tagan superpose writes",
            "Superpose the hands anew.",
        ) from error  # fmt: skip


def _write(path: Path, pixels: Any) -> None:
    write_bytes(path, cv2.imencode(path.suffix, pixels)[1].tobytes())
