"""Which dataset a folder holds, and which of its parts, by the names in it."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from handpose_core.datasets.folder_frames import images_of
from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.io.image_files import is_hidden, shown_name, visible_names

_LABELS = (".npz", ".json")
LayoutName = Literal["RHD", "STB", "MHP", "CMU-PS", "FreiHAND", "MVHM", "folder"]


@runtime_checkable
class Source(Protocol):
    """What every dataset's reader offers."""

    def __len__(self) -> int:
        """How many samples."""

    def __getitem__(self, index: int, /) -> Sample:
        """One un-cropped sample."""

    def where(self, index: int, /) -> str:
        """The sample's name for messages."""

    def describe(self) -> dict[str, str]:
        """The choices a result depends on."""


@dataclass(frozen=True)
class SplitLayout:
    """How a split shows in a folder.

    Attributes:
        name: As its reader calls it.
        marks: Glob patterns; the folder has something of one of them if the split, or some of it, is there.
        pictures: Glob patterns of its pictures.
        published: How many pictures of these the authors' release has; 0 where that is not known.
    """

    name: str
    marks: tuple[str, ...]
    pictures: tuple[str, ...] = ()
    published: int = 0

    def is_in(self, folder: Path) -> bool:
        """Return whether a folder has something of one of the marks."""
        return any(_holds(folder, mark) for mark in self.marks)

    def pictures_in(self, folder: Path) -> list[Path]:
        """List the split's pictures in a folder."""
        return sorted(path for pattern in self.pictures for path in _visible(folder, pattern))

    def left_out_of(self, folder: Path) -> dict[str, str]:
        """List files beside the split's pictures that are named like them but for case, and why they are not read."""
        found = [misnamed(folder, pattern) for pattern in self.pictures]
        return {name: reason for names in found for name, reason in names.items()}


class ImagesLayout(SplitLayout):
    """Any images in a folder or in its ``images/``, as `handpose_core.datasets.folder_frames` lists them."""

    def is_in(self, folder: Path) -> bool:
        """Return whether there are images."""
        return bool(self.pictures_in(folder))

    def pictures_in(self, folder: Path) -> list[Path]:
        """List the images."""
        return list(images_of(folder).found)

    def left_out_of(self, folder: Path) -> dict[str, str]:
        """List what lies beside the images and is none, but for files of labels."""
        return {
            name: reason for name, reason in images_of(folder).left_out.items() if not name.lower().endswith(_LABELS)
        }


@dataclass(frozen=True)
class Layout:
    """How a dataset shows in a folder, and how it is read.

    Attributes:
        name: The dataset's.
        splits: Its parts.
        open: Reads what there is of a split; None for labels that only ``data check`` reads.
        order: Of its labels' rows, in `handpose_core.hand.JOINT_ORDERS`.
        root: What joint 0 is as it is read here: wrist, palm or unknown.
        unique_pictures: Whether no two pictures should be the same; False where a picture is stored once a hand.
        one_hand_a_video: Whether all of a sequence is known to be one person's hand.
    """

    name: LayoutName
    splits: tuple[SplitLayout, ...]
    open: Callable[[Path, str], Source] | None
    order: str = "canonical"
    root: str = "wrist"
    unique_pictures: bool = True
    one_hand_a_video: bool = True

    @property
    def datamodule(self) -> str:
        """The short name of its datamodule, as ``--data`` takes it: CMUPS, Folder."""
        name = self.name.replace("-", "")
        return name[0].upper() + name[1:]

    def splits_in(self, folder: Path) -> tuple[SplitLayout, ...]:
        """Those of which the folder has something."""
        return tuple(split for split in self.splits if split.is_in(folder))


def _open_rhd(root: Path, split: str) -> Source:
    from handpose_core.datasets.rhd import RHD

    return RHD(root, split, missing="skip")  # type: ignore[arg-type]  # RHD names its splits itself


def _open_stb(root: Path, split: str) -> Source:
    """The RGB-D camera with depth where there is any, else the stereo pair."""
    from handpose_core.datasets.stb import STB

    if _holds(root, "labels/*_SK.mat") and _holds(root, "images/*/SK_color_*"):
        depth = _holds(root, "images/*/SK_depth_*")
        return STB(root, split, "sk", depth=depth, missing="skip")  # type: ignore[arg-type]
    return STB(root, split, "bb", missing="skip")  # type: ignore[arg-type]


def _open_mhp(root: Path, split: str) -> Source:
    from handpose_core.datasets.mhp import MHP

    return MHP(root, split, missing="skip")  # type: ignore[arg-type]


def _mhp(split: str, *sequences: str) -> SplitLayout:
    folders = tuple(f"annotated_frames/{sequence}" for sequence in sequences)
    return SplitLayout(split, folders, tuple(f"{folder}/*.jpg" for folder in folders))


def _open_cmu_ps(root: Path, split: str) -> Source:
    from handpose_core.datasets.cmu_ps import CMUPS

    return CMUPS(root, split, missing="skip")  # type: ignore[arg-type]


def _open_freihand(root: Path, split: str) -> Source:
    from handpose_core.datasets.freihand import FreiHAND

    return FreiHAND(root, split, missing="skip")  # type: ignore[arg-type]


def _open_mvhm(root: Path, split: str) -> Source:
    from handpose_core.datasets.mvhm import MVHM

    return MVHM(root, split, missing="skip")  # type: ignore[arg-type]


def _open_folder(root: Path, split: str) -> Source:
    """A folder of images with its labels.npz, or else its only JSON file."""
    from handpose_core.datasets.folder import LABELS_FILE, Folder

    lists = [name for name in visible_names(root) if name.lower().endswith(".json")]
    labels = lists[0] if len(lists) == 1 and not (root / LABELS_FILE).is_file() else "auto"
    return Folder(root, labels, missing="skip")


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "RHD",
        (
            SplitLayout("training", ("training/anno_training.*",), ("training/color/*.png",), 41258),
            SplitLayout("evaluation", ("evaluation/anno_evaluation.*",), ("evaluation/color/*.png",), 2728),
        ),
        _open_rhd,
        "rhd",
    ),
    Layout(
        "STB",
        (
            SplitLayout("train", ("labels/B[2-6]*_*.mat",), ("images/B[2-6]*/*.png",), 60000),
            SplitLayout("test", ("labels/B1*_*.mat",), ("images/B1*/*.png",), 12000),
        ),
        _open_stb,
        "stb",
        "palm",
    ),
    Layout("STB", (SplitLayout("labels", ("B[1-6]*_[SB][KB].mat",)),), None, "stb", "palm"),
    Layout(
        "MHP",
        (
            _mhp("train", "data_[3-9]", "data_[12][0-9]"),
            _mhp("test", "data_[12]"),
        ),
        _open_mhp,
        "mhp",
    ),
    Layout(
        "CMU-PS",
        (
            SplitLayout("manual_train", ("manual_train/*.json",), ("manual_train/*.jpg",), 1912),
            SplitLayout("manual_test", ("manual_test/*.json",), ("manual_test/*.jpg",), 846),
            SplitLayout("hands_v143", ("hands_v143_14817.json",), ("imgs/*.jpg",), 14817),
        ),
        _open_cmu_ps,
        unique_pictures=False,
    ),
    Layout(
        "FreiHAND",
        (
            SplitLayout("training", ("training_xyz.json",), ("training/rgb/*.jpg",), 130240),
            SplitLayout("evaluation", ("evaluation_K.json", "evaluation/rgb"), ("evaluation/rgb/*.jpg",), 3960),
        ),
        _open_freihand,
    ),
    Layout(
        "MVHM",
        (
            SplitLayout("train", ("train/*.index.npy",), ("train/*.tar",)),
            SplitLayout("val", ("val/*.index.npy",), ("val/*.tar",)),
            SplitLayout("test", ("test/*.index.npy",), ("test/*.tar",)),
        ),
        _open_mvhm,
    ),
    Layout("folder", (ImagesLayout("all", ("*.jpg",)),), _open_folder, root="unknown", one_hand_a_video=False),
)
"""Every dataset that can be told from its folder; a new one is a line here."""


def detect(root: Path) -> Layout:
    """The dataset that a folder holds.

    Raises:
        HandposeError: it holds none that is known, or is no folder.
    """
    if root.is_dir():
        for layout in LAYOUTS:
            if layout.splits_in(root):
                return layout
    names = sorted(visible_names(root))
    found = f"a folder with {', '.join(map(shown_name, names[:5])) or 'nothing'}{' ...' if len(names) > 5 else ''}"
    marks = "; ".join(f"{layout.name}: {layout.splits[-1].marks[0]}" for layout in LAYOUTS)
    inside = _below(root, names)
    raise HandposeError(
        str(root),
        found if root.is_dir() else "no such folder",
        f"a dataset's own layout ({marks})",
        f"{inside} looks like {detect(inside).name}: point there." if inside else "Point at the dataset's own folder.",
    )


def _below(root: Path, names: Collection[str]) -> Path | None:
    """A folder in this one that holds a dataset."""
    folders = (root / name for name in names if (root / name).is_dir())
    return next((folder for folder in folders if any(layout.splits_in(folder) for layout in LAYOUTS)), None)


def open_split(root: Path, split: str | None = None) -> Source:
    """Read what there is of a split, missing files skipped.

    Args:
        root: The dataset's folder.
        split: As its reader calls it; None for the first that is there.

    Raises:
        HandposeError: no known dataset, no such split, or what the reader raises.
    """
    layout = detect(root)
    present = [entry.name for entry in layout.splits_in(root)]
    if layout.open is None:
        raise HandposeError(
            str(root), f"{layout.name} in a layout without a reader", "a dataset's whole layout",
            "Use `handpose data check` for it.",
        )  # fmt: skip
    if split is not None and split not in present:
        raise HandposeError(
            f"{root}, split", repr(split), f"one of {', '.join(present)}", "Choose one that this copy has."
        )
    return layout.open(root, split or present[0])


def misnamed(root: Path, pattern: str) -> dict[str, str]:
    """List files that match a pattern but for the case of their names, so that no reader takes them.

    Args:
        root: The dataset's folder.
        pattern: Of names, below the root.

    Returns:
        The reason by the name below the root.
    """
    folder, name = str(Path(pattern).parent), Path(pattern).name
    return {
        path.relative_to(root).as_posix(): "a name that differs in case from the authors'"
        for path in sorted(_visible(root, f"{folder}/*"))
        if fnmatchcase(path.name.lower(), name.lower()) and not fnmatchcase(path.name, name)
    }


def _holds(root: Path, pattern: str) -> bool:
    return next(_visible(root, pattern), None) is not None


def _visible(root: Path, pattern: str) -> Iterator[Path]:
    """What matches a pattern and is not hidden."""
    return (path for path in root.glob(pattern) if not is_hidden(path.name))
