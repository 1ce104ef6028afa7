"""What ``handpose predict`` writes: ``hands.json``, ``hands.npz``, meshes, and the hands drawn on the pictures."""

import json
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.hand import JOINT_NAMES, N_JOINTS, Side
from handpose_core.io.outputs import OutputFolder
from handpose_core.predict.cut import Origin
from handpose_core.predict.hands import CONVENTIONS, Hand, check_numbers
from handpose_core.predict.info import ModelInfo
from handpose_core.predict.pictures import reduced
from handpose_core.viz.mesh_overlay import draw_mesh
from handpose_core.viz.overlay import draw_hand, enlarge

LONGEST_OVERLAY = 2048
"""Larger pictures are drawn smaller than they are, px."""
_NO_SIDE = -1
_NAMED = 10
_PIECE = 1 << 20  # bytes


@dataclass(frozen=True)
class Found:
    """The hands of one picture, or of one frame.

    Args:
        name: the picture's file name, or the frame's number.
        width: px.
        height: px.
        hands: none, one or several.
        seconds: the frame's time from the video's beginning; None of pictures.
    """

    name: str
    width: int
    height: int
    hands: tuple[Hand, ...]
    seconds: float | None = None


@dataclass(frozen=True)
class Canvas:
    """A picture to draw on, no larger than overlays are.

    Args:
        pixels: RGB.
        scale: its size over the original's.
    """

    pixels: UInt8[ndarray, "h w 3"]
    scale: float

    def drawn(self, hands: Sequence[Hand]) -> UInt8[ndarray, "h w 3"]:
        """The picture with hands on it."""
        pixels = self.pixels
        for hand in hands:
            if hand.mesh is not None:
                seen = (hand.mesh.vertices_2d + 0.5) * self.scale - 0.5
                pixels = draw_mesh(pixels, seen, hand.mesh.vertices, hand.mesh.faces)
            pixels = draw_hand(pixels, (hand.joints_2d + 0.5) * self.scale - 0.5)
        return pixels


def canvas_of(pixels: UInt8[ndarray, "h w 3"]) -> Canvas:
    """A picture to draw on: small ones are enlarged, as all overlays are, large ones reduced."""
    smaller, down = reduced(pixels, LONGEST_OVERLAY)
    shown, up = enlarge(smaller) if down == 1.0 and min(smaller.shape[:2]) > 1 else (smaller, 1.0)
    shown, again = reduced(shown, LONGEST_OVERLAY)  # a narrow strip, enlarged by its shorter side
    return Canvas(shown, down * up * again)


def write_overlay(out: OutputFolder, name: str, pixels: UInt8[ndarray, "h w 3"]) -> None:
    """Write a drawn picture, as a JPEG or PNG by its suffix."""
    encoded = cv2.imencode(Path(name).suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1]
    with out.new(name) as path:
        path.write_bytes(encoded.tobytes())


def write_meshes(out: OutputFolder, folder: str, name: str, hands: Sequence[Hand]) -> None:
    """Write each hand's mesh, if it has one, as ``NAME-0.glb``, ``NAME-1.glb``, ...: metres, y up, about the wrist."""
    for number, hand in enumerate(hands):
        if hand.mesh is not None:
            import trimesh  # here, because only meshes need it

            from handpose_core.viz.mesh import write_glb

            with out.new(f"{folder}/{name}-{number}.glb") as path:
                write_glb(path, trimesh.Trimesh(hand.mesh.vertices, hand.mesh.faces, process=False))


@dataclass
class Listed:
    """Names that a note lists: the first ones, and how many there are.

    Attributes:
        first: the first names.
        count: of all.
    """

    first: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, name: str) -> None:
        """Add a name."""
        self.count += 1
        if self.count <= _NAMED:
            self.first.append(name)

    def __str__(self) -> str:
        """The first names and the number of the others."""
        return ", ".join(self.first) + (f" and {self.count - _NAMED} more" if self.count > _NAMED else "")


@dataclass
class Summary:
    """What is kept of all pictures in memory, for notes.

    Attributes:
        pictures: their number.
        hands: the number of hands.
        origins: how many hands were looked for in which way.
        low: pictures with a hand of low confidence.
        none: pictures without a hand.
        sizes: widths and heights of the pictures, px.
        sides_not_told: the number of hands whose side neither the user nor the model said.
    """

    pictures: int = 0
    hands: int = 0
    origins: Counter[Origin] = field(default_factory=Counter)
    low: Listed = field(default_factory=Listed)
    none: Listed = field(default_factory=Listed)
    sizes: set[tuple[int, int]] = field(default_factory=set)
    sides_not_told: int = 0

    def add(self, found: Found) -> None:
        """Count a picture."""
        self.pictures += 1
        self.hands += len(found.hands)
        self.sizes.add((found.width, found.height))
        self.sides_not_told += sum(hand.side is None for hand in found.hands)
        self.origins.update(hand.origin for hand in found.hands)
        if any(hand.is_low for hand in found.hands):
            self.low.add(found.name)
        if not found.hands:
            self.none.add(found.name)


class ResultsWriter:
    """Writes ``hands.json`` and ``hands.npz`` in memory that does not grow with the number of pictures.

    Each picture is written to temporary files when it is done; `finish` puts them together.

    Args:
        out: where.
        timed: whether the pictures are a video's frames, which have times.
    """

    def __init__(self, out: OutputFolder, timed: bool) -> None:
        self._out, self._timed = out, timed
        self.summary = Summary()
        self._longest = 1
        self._faces: tuple[Side | None, ndarray] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> "ResultsWriter":
        """Make the temporary files."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(dir=self._out.working)))
        self._json = self._stack.enter_context((folder / "pictures.json").open("w+", encoding="utf-8"))
        self._names = self._stack.enter_context((folder / "names.jsonl").open("w+", encoding="utf-8"))
        floats = {"joints_2d": (N_JOINTS, 2), "joints_3d": (N_JOINTS, 3), "wrist": (3,), "confidence": (N_JOINTS,)}
        self._columns = {
            "picture": self._column(folder / "picture", np.int64, ()),
            **{name: self._column(folder / name, np.float64, shape) for name, shape in floats.items()},
            "side": self._column(folder / "side", np.int64, ()),
        }
        self._seconds = self._column(folder / "seconds", np.float64, ())
        self._vertices = self._column(folder / "vertices", np.float64, None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the temporary files."""
        self._stack.close()

    def add(self, found: Found) -> None:
        """Add the next picture.

        Raises:
            HandposeError: the model does not answer in numbers.
        """
        for hand in found.hands:
            check_numbers(hand.joints_3d)
        entry = {
            "name": found.name,
            **({"seconds": None if found.seconds is None else round(found.seconds, 6)} if self._timed else {}),
            "width": found.width,
            "height": found.height,
            "hands": [hand.as_dict() for hand in found.hands],
        }
        text = json.dumps(entry, indent=1, allow_nan=False)
        self._json.write((",\n" if self.summary.pictures else "\n") + "\n".join("  " + row for row in text.split("\n")))
        self._names.write(json.dumps(found.name) + "\n")
        self._longest = max(self._longest, len(found.name))
        if self._timed:
            self._seconds.add(np.nan if found.seconds is None else found.seconds)
        for hand in found.hands:
            self._add_hand(hand)
        self.summary.add(found)

    def finish(self, source: str, info: ModelInfo, notes: Sequence[str], **more: Any) -> None:
        """Write ``hands.json`` and ``hands.npz``.

        Args:
            source: what was read.
            info: of the model.
            notes: remarks for the reader of the numbers.
            **more: further entries of the JSON file.
        """
        content = {
            "source": source,
            "model": asdict(info),
            "joint_names": JOINT_NAMES,
            "conventions": CONVENTIONS,
            "notes": list(notes),
            **more,
            "pictures": [],
        }
        head = json.dumps(content, indent=1, allow_nan=False).removesuffix("]\n}")
        with self._out.new("hands.json") as path, path.open("w", encoding="utf-8", newline="\n") as file:
            file.write(head)
            self._json.seek(0)
            shutil.copyfileobj(self._json, file)
            file.write("\n ]\n}" if self.summary.pictures else "]\n}")
        with self._out.new("hands.npz") as path:
            self._write_arrays(path)

    def _add_hand(self, hand: Hand) -> None:
        row: dict[str, ndarray | float] = {
            "picture": self.summary.pictures,
            "joints_2d": hand.joints_2d,
            "joints_3d": hand.joints_3d,
            "wrist": np.full(3, np.nan) if hand.wrist is None else hand.wrist,
            "confidence": hand.confidence,
            "side": _NO_SIDE if hand.side is None else int(hand.side),
        }
        for name, value in row.items():
            self._columns[name].add(value)
        if hand.mesh is not None:
            self._faces = self._faces or (hand.side, hand.mesh.faces)
            self._vertices.add(hand.mesh.vertices)

    def _write_arrays(self, path: Path) -> None:
        """One row a hand; ``picture`` is its picture's row in ``names``. Without a known place ``wrist`` is nan."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            self._write_names(archive)
            if self._timed:
                self._seconds.write(archive, "seconds")
            for name, column in self._columns.items():
                column.write(archive, name)
            _write_array(archive, "joint_names", np.array(JOINT_NAMES))
            if self._faces is not None and self._vertices.count == self.summary.hands:
                side, faces = self._faces
                right = faces if side == Side.RIGHT else faces[:, ::-1]
                self._vertices.write(archive, "vertices")
                _write_array(archive, "faces_right", right)
                _write_array(archive, "faces_left", right[:, ::-1])

    def _write_names(self, archive: zipfile.ZipFile) -> None:
        dtype = np.dtype(("U", self._longest))
        self._names.seek(0)
        rows = (np.array(json.loads(line), dtype).tobytes() for line in self._names)
        _write_rows(archive, "names", dtype, (self.summary.pictures,), rows)

    def _column(self, path: Path, dtype: type[np.generic], shape: tuple[int, ...] | None) -> "_Column":
        return _Column(self._stack.enter_context(path.open("w+b")), np.dtype(dtype), shape)


class _Column:
    """An array that grows by rows, in a file.

    Args:
        file: for the rows, to write and read.
        dtype: of the array.
        shape: of a row; None for the first row's.
    """

    def __init__(self, file: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...] | None) -> None:
        self._file, self._dtype, self._shape = file, dtype, shape
        self.count = 0

    def add(self, row: ndarray | float) -> None:
        values = np.asarray(row, self._dtype)
        self._shape = values.shape if self._shape is None else self._shape
        self._file.write(values.reshape(self._shape).tobytes())
        self.count += 1

    def write(self, archive: zipfile.ZipFile, name: str) -> None:
        self._file.seek(0)
        pieces = iter(lambda: self._file.read(_PIECE), b"")
        _write_rows(archive, name, self._dtype, (self.count, *(self._shape or ())), pieces)


def _write_array(archive: zipfile.ZipFile, name: str, values: ndarray) -> None:
    _write_rows(archive, name, values.dtype, values.shape, [np.ascontiguousarray(values).tobytes()])


def _write_rows(
    archive: zipfile.ZipFile, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], pieces: Iterable[bytes]
) -> None:
    """Write an array to an ``.npz``, piece by piece."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)
        for piece in pieces:
            member.write(piece)
