"""A checkpoint of any method as a `Runtime`: PyTorch, without a trainer or a datamodule."""

import io
import pickle
from copy import copy
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float32, Int64
from numpy import ndarray

from handpose_core.cli import registry
from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.io.checkpoint_parts import read_tensors
from handpose_core.predict.device import best_device
from handpose_core.predict.info import ModelInfo
from handpose_core.predict.runtime import Output
from handpose_core.training.checkpoints import CLASS_KEY, check_checkpoint, class_path, framing_of
from handpose_core.training.module import HandPoseModule
from handpose_core.training.right_hands import shown_as_right

_OPTION = "--checkpoint"


class CheckpointRuntime:
    """A trained module in evaluation.

    Args:
        module: as its checkpoint rebuilt it.
        info: what is known of it.
    """

    def __init__(self, module: HandPoseModule, info: ModelInfo) -> None:
        self.module, self.info = module.eval(), info

    def __getstate__(self) -> dict[str, Any]:
        """The module's bytes, whatever device it is on, without the builders of optimisers, which may be lambdas."""
        module = copy(self.module)
        vars(module).update({name: None for name in vars(module) if name.startswith("_build_")})
        vars(module)["_hparams_initial"] = module.hparams  # Lightning's copy of the arguments, builders among them
        stream = io.BytesIO()
        torch.save(module, stream)
        return {"module": stream.getvalue(), "info": self.info}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Load the module, onto a GPU where there is one."""
        module = torch.load(io.BytesIO(state["module"]), map_location="cpu", weights_only=False)
        self.__init__(module.to(best_device()), state["info"])  # type: ignore[misc]

    def run(self, images: Float32[ndarray, "batch 3 s s"], sides: Int64[ndarray, " batch"]) -> Output:
        """See `Runtime`."""
        batch = {"image": torch.from_numpy(images), "side": torch.from_numpy(sides)}
        with torch.inference_mode():
            moved = {key: value.to(self.module.device) for key, value in batch.items()}
            estimate = self.module.decode(self.module(*self.module.inputs(moved)), self.info.image_size)
        tensors = (estimate.joints_2d, estimate.z_rel, estimate.scores)
        return Output(*(tensor.float().cpu().numpy() for tensor in tensors))


def load_checkpoint(path: Path, image_size: int | None = None, crop_scale: float | None = None) -> CheckpointRuntime:
    """Rebuild the module that wrote a checkpoint, of whatever installed method; on a GPU where there is one.

    Args:
        path: the checkpoint.
        image_size: side of the crops, px, where the checkpoint does not say it.
        crop_scale: their side over the hand's extent, likewise.

    Raises:
        HandposeError: it is no checkpoint, its method is not installed, or sizes are not known.
    """
    model_class = _class_of(path)
    module = model_class.load_from_checkpoint(path, map_location="cpu")
    module.to(best_device())
    framing = framing_of(module.history) or (image_size, crop_scale)
    size, scale = image_size or framing[0], crop_scale or framing[1]
    if size is None or scale is None:
        raise HandposeError(
            f"{_OPTION} {path}",
            "no record of the crops that it was trained on",
            "their size, and their side over the hand's extent",
            "Give --image-size and --crop-scale, as the training had them (data.image_size, data.crop_scale).",
        )
    return CheckpointRuntime(
        module,
        ModelInfo(
            method=class_path(model_class),
            image_size=size,
            crop_scale=scale,
            bone_mm=float(module.bone_mm),
            hand_mm=module.hand_mm,
            told_side=is_told_side(module, size),
            decoder=str(getattr(module, "decoder", "its own")),
            trained_on=tuple(module.history),
            right_handed=module.takes_right_hands and shown_as_right(module.history),
        ),
    )


def is_told_side(module: HandPoseModule, image_size: int) -> bool:
    """Whether the side is among what the module's `forward` takes."""
    sample: Sample = {"image": torch.zeros(1, 3, image_size, image_size), "side": torch.zeros(1, dtype=torch.int64)}
    moved = {key: value.to(module.device) for key, value in sample.items()}
    return any(value is moved["side"] for value in module.inputs(moved))


def _class_of(path: Path) -> type[HandPoseModule]:
    """The installed method's class that a checkpoint names; nothing that a file names is imported for it."""
    methods = {method.module.replace(":", "."): method for method in registry.methods().values()}
    found = _recorded_class(path)
    if found is None:  # sizes in a checkpoint are classes of the method: they can be read once it is imported
        for method in methods.values():
            method.load()
        found = _recorded_class(path)
    if found is not None and found not in methods:
        raise HandposeError(
            f"{_OPTION} {path}",
            f"a checkpoint of {found}",
            f"one of an installed method: {', '.join(methods) or 'none is'}",
            f"python -m pip install {found.partition('.')[0].replace('_', '-')}",
        )
    model_class: type[HandPoseModule] = methods[found].load() if found else HandPoseModule
    check_checkpoint(path, model_class, _OPTION)  # which says what is wrong with one that names no class
    return model_class


def _recorded_class(path: Path) -> str | None:
    """The class named in a checkpoint; None where it cannot be read, or names none."""
    try:
        content = read_tensors(path)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError):
        return None
    return content.get(CLASS_KEY) if isinstance(content, dict) else None
