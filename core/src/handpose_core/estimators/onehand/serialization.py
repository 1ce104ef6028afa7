"""Packed models: weights in half precision in one safetensors file, with the metadata to use them.

The hand model is not among the weights: it comes with the suite, by its name.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand.estimator import HandEstimator
from handpose_core.estimators.onehand.hand_detector import HandDetectorConfig
from handpose_core.estimators.onehand.network import OneHandConfig
from handpose_core.io import atomic
from handpose_core.io.foreign import refuse_foreign
from handpose_core.predict.info import METADATA_KEY, ModelInfo, info_from_json

_BUILD_KEY = "onehand"
#: Names of the hand model's tensors begin with this.
_RIG = "rig."
SUFFIX = ".safetensors"
_FIX = "Pack a checkpoint again with this version: handpose onehand pack CKPT OUT.safetensors"


def write_packed(estimator: HandEstimator, info: ModelInfo, out: Path) -> None:
    """Write an estimator's weights and metadata, as `unpack` reads them.

    Args:
        estimator: Trained.
        info: Its metadata.
        out: The file to write.
    """
    build = {"size": asdict(estimator.config), "rig": estimator.rig_name}
    weights = {name: value for name, value in estimator.state_dict().items() if not name.startswith(_RIG)}
    write_half(weights, {METADATA_KEY: info.to_json(), _BUILD_KEY: json.dumps(build)}, out)


def write_half(weights: Mapping[str, Tensor], metadata: dict[str, str], out: Path) -> int:
    """Write weights in half precision, and biases and statistics, of which there are few, as they are.

    Args:
        weights: Tensors by name.
        metadata: Of the file.
        out: The file to write.

    Returns:
        The number of weights.
    """
    packed = {name: _packed(value.cpu()) for name, value in weights.items()}
    atomic.write_bytes(out, safetensors.torch.save(packed, metadata))
    return sum(value.numel() for value in packed.values())


def unpack(path: Path) -> tuple[HandEstimator, ModelInfo]:
    """Load a packed model.

    Args:
        path: The file.

    Returns:
        estimator: In single precision and evaluation.
        info: Its metadata.

    Raises:
        HandposeError: There is no such file, it is something else, or a version wrote it whose weights had other names.
    """
    if not path.is_file():
        raise HandposeError(str(path), "no such file", f"a packed model (*{SUFFIX})", "Check the path.")
    try:
        with safe_open(path, framework="pt") as stored:
            metadata: dict[str, str] = stored.metadata() or {}
            weights = {name: _restored(stored.get_tensor(name)) for name in stored.keys()}  # noqa: SIM118  no mapping
        info = info_from_json(str(path), metadata[METADATA_KEY])
        build: dict[str, Any] = json.loads(metadata[_BUILD_KEY])
        estimator = HandEstimator(_config(path, build["size"]), build["rig"])
        rig = {name: value for name, value in estimator.state_dict().items() if name.startswith(_RIG)}
        estimator.load_state_dict(weights | rig)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        refuse_foreign(path, "what handpose onehand pack writes")
        raise HandposeError(
            str(path), f"something else ({error})", "what handpose onehand pack writes", _FIX
        ) from error
    return estimator.to(memory_format=torch.channels_last).eval(), info  # type: ignore[call-overload]


def _config(path: Path, size: dict[str, Any]) -> OneHandConfig:
    """Return the sizes of a packed model; those of versions with other names, or with fewer sizes, are refused."""
    if "glance" in size:
        found = "weights with the names of an earlier version (glance, reader, verdict)"
    elif missing := [field.name for field in fields(OneHandConfig) if field.name not in size]:
        found = f"weights of an earlier version, without the sizes {', '.join(missing)}"  # defaults may have changed
    else:
        return OneHandConfig(**{**_tuples(size), "detector": HandDetectorConfig(**_tuples(size["detector"]))})
    raise HandposeError(
        str(path), found, "names and sizes as this version writes them (detector, pose_network, presence_head)",
        "Take the model of this version, or predict with the version that wrote the file.",
    )  # fmt: skip


def _tuples(size: dict[str, Any]) -> dict[str, Any]:
    """Return a size with tuples for JSON's lists."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in size.items()}


def _packed(value: Tensor) -> Tensor:
    return value.half().contiguous() if value.is_floating_point() and value.dim() > 1 else value.contiguous()


def _restored(value: Tensor) -> Tensor:
    return value.float() if value.dtype == torch.float16 else value
