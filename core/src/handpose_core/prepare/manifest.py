"""What prepared data were made of and how: ``prepared.json`` beside the parts."""

import json
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from handpose_core import __version__
from handpose_core.errors import HandposeError
from handpose_core.io.atomic import write_text
from handpose_core.prepare.shards import Shard, cannot_write

MANIFEST = "prepared.json"
PartName = Literal["train", "val", "test"]
Kind = Literal["images", "clips", "views"]


@dataclass(frozen=True)
class Recipe:
    """What prepared data depend on; a later run must agree.

    Attributes:
        datamodule: The class that read the original, as package.module.Class.
        options: Its options, the root of the original among them.
        image_size: Side of the crops, px.
        crop_scale: Of the crops, over the joints' extent.
        margin: Side of what is kept over the crop's.
        quality: Of the JPEGs.
        shard: Samples in a shard.
        version: Of handpose-core.
    """

    datamodule: str
    options: dict[str, Any]
    image_size: int
    crop_scale: float
    margin: float
    quality: int
    shard: int = 256
    version: str = __version__


@dataclass(frozen=True)
class Part:
    """A finished part.

    Attributes:
        kind: Single images, or groups of them.
        rule: How a sample is cropped, in words.
        choices: Of the original datamodule, to be recorded with results.
        shards: In the order of the samples.
    """

    kind: Kind
    rule: str
    choices: dict[str, str]
    shards: tuple[Shard, ...]


@dataclass(frozen=True)
class Manifest:
    """Everything known about a folder of prepared data.

    Attributes:
        recipe: What was asked for.
        parts: What is finished of it.
        libraries: Versions of those that encoded it.
    """

    recipe: Recipe
    parts: dict[str, Part] = field(default_factory=dict)
    libraries: dict[str, str] = field(
        default_factory=lambda: {name: version(name) for name in ("numpy", "opencv-python-headless")}
    )

    def write(self, root: Path) -> None:
        """Write it as a whole or not at all.

        Raises:
            HandposeError: the folder cannot be written to.
        """
        try:
            write_text(root / MANIFEST, json.dumps(asdict(self), indent=2) + "\n")
        except OSError as error:
            raise cannot_write(root, error) from error


def read_manifest(root: Path) -> Manifest:
    """The manifest of a folder of prepared data.

    Raises:
        HandposeError: there is none, or it is damaged.
    """
    path = root / MANIFEST
    try:
        found = json.loads(path.read_text("utf-8"))
        parts = {name: _part(part) for name, part in found["parts"].items()}
        return Manifest(Recipe(**found["recipe"]), parts, found["libraries"])
    except OSError as error:
        raise HandposeError(
            str(path), f"no readable file ({error.strerror})", "the manifest of prepared data",
            "Make them with `handpose data prepare ROOT OUT`, and give OUT as the root.",
        ) from error  # fmt: skip
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise HandposeError(
            str(path), f"a file that is no manifest ({error})", "the manifest as it was written",
            "Prepare the data anew into another folder.",
        ) from error  # fmt: skip


def claim(root: Path, recipe: Recipe) -> Manifest:
    """Begin a folder of prepared data, or go on with the one there if it was begun alike.

    Raises:
        HandposeError: the folder holds something else or other data, or cannot be written to.
    """
    if not (root / MANIFEST).is_file():
        if root.is_dir() and any(root.iterdir()):
            raise HandposeError(
                str(root), "a folder with other files in it", f"an empty or new folder, or one with a {MANIFEST}",
                "Choose another folder for the prepared data.",
            )  # fmt: skip
        manifest = Manifest(recipe)
        manifest.write(root)
        return manifest
    manifest = read_manifest(root)
    begun, wanted = asdict(manifest.recipe), json.loads(json.dumps(asdict(recipe)))
    different = [key for key in wanted if begun[key] != wanted[key]]
    if different:
        raise HandposeError(
            str(root / MANIFEST), ", ".join(f"{key} = {begun[key]}" for key in different),
            ", ".join(f"{key} = {wanted[key]}" for key in different),
            "Go on with the options it was begun with, or choose another folder.",
        )  # fmt: skip
    return manifest


def _part(fields: dict[str, Any]) -> Part:
    shards = tuple(
        Shard(**{**shard, "files": {name: (size, sha) for name, (size, sha) in shard["files"].items()}})
        for shard in fields["shards"]
    )
    return Part(**{**fields, "shards": shards})
