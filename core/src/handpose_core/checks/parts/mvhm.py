"""MVHM's splits as the checks look at them: samples through the reader, files as shards."""

from dataclasses import replace
from pathlib import Path

from handpose_core.checks.part import Files, Part
from handpose_core.checks.parts.sampled import sampled_parts
from handpose_core.datasets.detect import detect
from handpose_core.datasets.mvhm_layout import Manifest, read_manifest, shard_path
from handpose_core.errors import HandposeError
from handpose_core.io.image_files import is_hidden


def mvhm_parts(root: Path, at_most: int) -> list[Part]:
    """Every split of which a shard is there, with the pictures of a sample of its views."""
    try:
        manifest = read_manifest(root)
    except HandposeError:  # every part says so itself
        manifest = None
    return [
        replace(part, files=[_shards(root, part.name, manifest)]) for part in sampled_parts(root, detect(root), at_most)
    ]


def _shards(root: Path, split: str, manifest: Manifest | None) -> Files:
    present = sorted(path for path in (root / split).glob("*.tar") if not is_hidden(path.name))
    if manifest is None:
        return Files("shards", present, len(present), 0)
    wanted = -(-manifest.wanted.get(split, 0) // manifest.shard)
    listed = [path for number in range(wanted) if (path := shard_path(root, split, number)).is_file()]
    return Files("shards", listed, wanted, 0)
