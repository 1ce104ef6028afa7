"""FreiHAND (Zimmermann et al. 2019): real right hands with 3D joints and mesh vertices, 224 x 224."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64, Int
from numpy import ndarray
from torch.utils.data import Dataset

from handpose_core.datasets.freihand_layout import (
    MM_PER_METRE,
    SIZE,
    SPLITS,
    VERSIONS,
    Field,
    Split,
    Version,
    image_number,
    image_path,
    label_path,
)
from handpose_core.datasets.images import read_rgb
from handpose_core.datasets.labels import image_tensor, labels_3d
from handpose_core.datasets.parsing import numbers, read_json
from handpose_core.datasets.sample import Sample
from handpose_core.datasets.selection import MISSING, Missing, check_choice, select, wrong_root
from handpose_core.datasets.wrist import WRIST_ROOT
from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS, Side
from handpose_core.io.image_files import visible_names


class FreiHAND(Dataset[Sample]):
    """One split of FreiHAND in the authors' layout; a sample is one image, un-cropped.

    Samples have ``image, joints_2d, joints_3d, annotated, visible, K, side, index, frame``, and ``vertices`` where
    asked for. Without ``evaluation_xyz.json``, as the evaluation split was published at first, its samples have no
    joints, and without ``evaluation_K.json`` no ``K``. FreiHAND does not say which joints can be seen: ``visible``
    is true for all.

    Args:
        root: The folder that holds ``training/``, ``evaluation/`` and the JSON files.
        split: Which of the two.
        versions: Which images of each training pose: ``gs`` (green screen), ``hom``, ``sample``, ``auto``.
        vertices: Whether to read the mesh; the training split's takes some GB of memory while it is read.
        missing: What to do when images are missing: stop, or read the rest and record the others.
        exclude: Images to leave out on purpose, named as ``training/00000017``.

    Attributes:
        images: The authors' number of each sample.
        poses: The pose of each sample: the same for the images that differ in their background only.
        labelled: Whether there are joints.
        selection: What was read, missing and excluded.

    Raises:
        HandposeError: a wrong root, damaged labels, missing files, no image left.
    """

    def __init__(
        self,
        root: str | Path,
        split: Split,
        versions: Sequence[Version] = VERSIONS,
        vertices: bool = False,
        missing: Missing = "error",
        exclude: Collection[str] = (),
    ) -> None:
        check_choice("FreiHAND", "split", split, SPLITS)
        check_choice("FreiHAND", "missing", missing, MISSING)
        for version in versions:
            check_choice("FreiHAND", "versions", version, VERSIONS)
        self.root, self.split, self.versions = Path(root), split, tuple(versions)
        self._present = visible_names(image_path(self.root, split, 0).parent)
        self.labelled = split == "training" or label_path(self.root, split, "xyz").is_file()
        if not self._present or (split == "training" and not label_path(self.root, split, "xyz").is_file()):
            layout = f"FreiHAND's layout: {split}/rgb/00000000.jpg and {split}_{{K,xyz}}.json"
            raise wrong_root(self.root, layout, "Point root at the folder that holds training/ (FreiHAND_pub_v2).")
        self._K = (
            self._read("K", (None, 3, 3)) if label_path(self.root, split, "K").is_file() or self.labelled else None
        )
        self._xyz = self._read("xyz", (None, N_JOINTS, 3)) if self.labelled else None
        self._vertices = self._read("verts", (None, None, 3)).astype(np.float32) if vertices else None
        self._check_counts()
        self._list_samples(missing, exclude)

    def _read(self, name: Field, shape: tuple[int | None, ...]) -> Float64[ndarray, "poses _ 3"]:
        path = label_path(self.root, self.split, name)
        array = numbers(str(path), read_json(path), shape)
        return array if name == "K" else array * MM_PER_METRE

    def _check_counts(self) -> None:
        counts = {
            name: len(values)
            for name, values in (("K", self._K), ("xyz", self._xyz), ("verts", self._vertices))
            if values is not None
        }
        if len(set(counts.values())) > 1:
            found = ", ".join(f"{count} in {self.split}_{name}.json" for name, count in counts.items())
            raise HandposeError(str(self.root), found, "as many of each", "Get the files again, of one release.")

    def _list_samples(self, missing: Missing, exclude: Collection[str]) -> None:
        """The images that the labels speak of; those of an unlabelled split that are there."""
        if self._K is None:
            listed = [(int(Path(name).stem),) * 2 for name in sorted(self._present) if Path(name).stem.isdecimal()]
        else:
            versions = self.versions if self.split == "training" else VERSIONS[:1]
            poses = len(self._K)
            listed = [(image_number(pose, version, poses), pose) for version in versions for pose in range(poses)]
        paths = [image_path(self.root, self.split, image) for image, _ in listed]
        absent = {i: path for i, path in enumerate(paths) if path.name not in self._present}
        names = [f"{self.split}/{image:08d}" for image, _ in listed]
        self.selection = select(f"{self.root}, {self.split} split", names, absent, missing, exclude)
        kept: Int[ndarray, "samples 2"] = np.array(listed)[list(self.selection.kept)]
        self.images, self.poses = kept.T

    def __len__(self) -> int:
        return len(self.images)

    def where(self, index: int) -> str:
        """The sample's name for messages: its folder and image, as `exclude` takes it."""
        return f"{self.root}, {self.split}/{self.images[index]:08d}"

    def __getitem__(self, index: int) -> Sample:
        """Read one image.

        Raises:
            HandposeError: the image is cut off, damaged or not 224 x 224, or its labels are no hand's.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        path, pose = image_path(self.root, self.split, int(self.images[index])), int(self.poses[index])
        image = read_rgb(path)
        if image.shape[:2] != (SIZE, SIZE):
            found = f"{image.shape[1]} x {image.shape[0]} pixels"
            raise HandposeError(str(path), found, f"FreiHAND's {SIZE} x {SIZE}", "Get it again.")
        sample = {
            "image": image_tensor(image),
            **self._labels(index, pose),
            "side": torch.tensor(int(Side.RIGHT)),
            "index": torch.tensor(index),
            "frame": torch.tensor(int(self.images[index])),
        }
        if self._vertices is not None:
            sample["vertices"] = torch.from_numpy(self._vertices[pose])
        return sample

    def _labels(self, index: int, pose: int) -> Sample:
        if self._K is None:
            return {}
        if self._xyz is None:
            return {"K": torch.from_numpy(self._K[pose]).float()}
        return labels_3d(self.where(index), self._xyz[pose], self._K[pose])

    def describe(self) -> dict[str, str]:
        """The choices a result depends on, as recorded with it."""
        return {
            "dataset": f"FreiHAND {self.split}",
            **self.selection.describe(),
            "versions": ", ".join(self.versions) if self.split == "training" else "one",
            "labels": "joints" if self.labelled else "none",
            "root_joint": WRIST_ROOT,
        }
