"""Which generated data a folder holds, to be recorded with results: version and checksum by its manifest."""

import json
from pathlib import Path
from typing import Any

from handpose_core.datasets import mvhm_layout
from handpose_core.io.checksums import file_checksum
from handpose_core.synth import generate

#: Manifests of ``handpose data synth``, ``handpose mvhm generate`` and ``handpose tagan generate``.
MANIFESTS = (generate.MANIFEST, mvhm_layout.MANIFEST, "generated.json")
VERSION, CHECKSUM = "data_version", "data_checksum"


def generated_record(root: Path) -> dict[str, str]:
    """Read what is to be recorded of a folder of generated data.

    Args:
        root: The folder.

    Returns:
        ``data_version`` (see `handpose_core.DATA_VERSION`) and ``data_checksum``, the SHA-256 of the manifest, which
        holds the checksums of all files; nothing where the folder has no manifest, as of real data.
    """
    for name in MANIFESTS:
        if (path := root / name).is_file():
            return {VERSION: _version(json.loads(path.read_text("utf-8"))), CHECKSUM: file_checksum(path)}
    return {}


def _version(manifest: dict[str, Any]) -> str:
    recipe = manifest.get("recipe")
    return str(manifest.get("version") or (recipe.get("version") if isinstance(recipe, dict) else None) or "unknown")
