"""FreiHAND's layout on disk (Zimmermann et al. 2019), stated once for the reader and the writer.

224 x 224 images of right hands. Each training pose is there in front of a green screen and three more times with
the background replaced: image ``pose + poses * version``. Labels are one list a field, in metres; joints in
canonical order.
"""

from pathlib import Path
from typing import Literal, get_args

Split = Literal["training", "evaluation"]
Version = Literal["gs", "hom", "sample", "auto"]
Field = Literal["K", "xyz", "verts"]
SPLITS: tuple[Split, ...] = get_args(Split)
VERSIONS: tuple[Version, ...] = get_args(Version)
"""The authors' names of the four images of a training pose, in their order; ``gs`` is the green screen."""
POSES: dict[Split, int] = {"training": 32560, "evaluation": 3960}
"""Of the authors' release."""
SIZE = 224
"""Images are SIZE x SIZE."""
MM_PER_METRE = 1000.0


def image_path(root: Path, split: Split, image: int) -> Path:
    """``ROOT/split/rgb/%08d.jpg``."""
    return root / split / "rgb" / f"{image:08d}.jpg"


def label_path(root: Path, split: Split, name: Field) -> Path:
    """``ROOT/split_field.json``."""
    return root / f"{split}_{name}.json"


def image_number(pose: int, version: Version, poses: int) -> int:
    """The image of a pose (0-based) in one version, where there are ``poses`` poses."""
    return pose + poses * VERSIONS.index(version)
