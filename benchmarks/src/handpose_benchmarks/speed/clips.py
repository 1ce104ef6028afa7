"""Training clips a second of TASSN's last stage, and what of a step goes into flow, masks and rendering."""

import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
import yaml  # type: ignore[import-untyped]
from jaxtyping import Bool
from numpy import ndarray
from torch.utils.data import Dataset

from handpose_benchmarks.speed.figure import Figure
from handpose_benchmarks.speed.timing import rate, threads
from handpose_core.datamodules.crops import byte_pixels, crop_map, hand_box, warp
from handpose_core.datasets.sample import Sample, collate
from handpose_core.datasets.stb import STB
from handpose_core.synth.generate import Recipe, generate
from handpose_core.synth.twins import TWINS
from handpose_tassn.clips import Passes, both_directions
from handpose_tassn.masks import GrabCut
from handpose_tassn.module import TASSNModule
from handpose_tassn.networks import HeatmapSize, MeshSize, PoseSize
from handpose_tassn.objectives import EndToEnd
from handpose_tassn.reversal import AsTheyAre
from handpose_tassn.terms import Heatmaps, SilhouetteTerm

RECIPE = "demo-4-consistency"
SEQUENCE = "B2Random"
CLIPS, LENGTH = 8, 4
"""Of a step: clips, and frames of each."""
SCALE = 1.5


def measure() -> list[Figure]:
    """Clips/s of whole training steps on one core, and the shares of their parts.

    Synthetic video in STB's layout is trained on, by the networks of the demo recipe. Masks are cut once before a
    training: theirs is the share of a first pass through the data, were it made by one process, too.
    """
    content = yaml.safe_load((files("handpose_tassn") / "configs" / f"{RECIPE}.yaml").read_text("utf-8"))
    size = content["data"]["init_args"]["image_size"]
    with tempfile.TemporaryDirectory() as folder, threads(1):
        for _ in generate(TWINS["stb"](Recipe()), Path(folder), SEQUENCE, LENGTH, 1):
            pass
        frames = STB(Path(folder), "train", missing="skip")
        cut, batch = rate(lambda: _masks(frames), LENGTH), clips_of(frames, size)
    module = _module(content["model"])
    with threads(1):
        return shares(module, batch, seconds_of_masks=CLIPS * LENGTH / cut)


def shares(module: TASSNModule, batch: Sample, seconds_of_masks: float) -> list[Figure]:
    """The figures of one batch of clips.

    Args:
        module: what is trained.
        batch: clips with masks.
        seconds_of_masks: that it takes to cut the batch's.
    """
    clips, length, *_, size = batch["image"].shape
    optimizer: Any = module.configure_optimizers()
    passes, term = module.measure(batch["image"], module.drop), module.objective.terms()["silhouette"]
    step = clips / rate(lambda: _step(module, optimizer, batch), clips)
    flow = clips / rate(lambda: both_directions(batch["image"], AsTheyAre().see(batch["image"]), module.flow), clips)
    drawing = clips / rate(_drawing(term, passes, batch), clips)
    note = f"{RECIPE}: clips of {length} frames of {size} px in both directions, batch of {clips}, one core"
    return [
        Figure("training, TASSN end to end", clips / step, "clips/s", note=note),
        Figure("  spent on flow", 100 * flow / step, "%", note=f"of a step; {type(module.flow).__name__}, both ways"),
        Figure("  spent on rendering", 100 * drawing / step, "%", note="of a step; silhouettes, forward and backward"),
        Figure(
            "  spent on masks", 100 * seconds_of_masks / (seconds_of_masks + step), "%",
            note=f"of a first epoch; GrabCut, {clips * length / seconds_of_masks:.1f} frames/s; none of later epochs",
        ),
    ]  # fmt: skip


def clips_of(frames: Dataset[Sample], size: int) -> Sample:
    """A batch of one clip, with masks, over and over.

    Args:
        frames: of the clip.
        size: side of the crops, px.
    """
    samples = [frames[number] for number in range(LENGTH)]
    to_crop = crop_map(*hand_box(collate(samples), SCALE), size)
    crops = []
    for sample in samples:
        crop = warp({**sample, "mask": torch.from_numpy(_mask(sample))[None]}, to_crop, size)
        crops.append({**crop, "image": crop["image"].float() / 255})
    return collate([collate(crops)] * CLIPS)


def _masks(frames: Dataset[Sample]) -> None:
    for number in range(LENGTH):
        _mask(frames[number])


def _mask(sample: Sample) -> Bool[ndarray, "h w"]:
    pixels = byte_pixels(sample["image"])
    return GrabCut().cut(pixels, sample["joints_2d"].numpy(), sample["annotated"].numpy())[0]


def _module(model: dict[str, Any]) -> TASSNModule:
    """Of the recipe's sizes, with its loss's terms."""
    torch.manual_seed(0)
    terms = model["objective"]["init_args"]
    objective = EndToEnd(heatmaps=Heatmaps(**terms["heatmaps"]), silhouette=SilhouetteTerm(**terms["silhouette"]))
    sizes = HeatmapSize(**model["heatmaps"]), MeshSize(**model["mesh"]), PoseSize(**model["pose"])
    module = TASSNModule(*sizes, objective=objective)
    module.train()
    return module


def _step(module: TASSNModule, optimizer: torch.optim.Optimizer, batch: Sample) -> None:
    optimizer.zero_grad()
    module.losses(module.measure(batch["image"], module.drop), batch)["loss"].backward()
    optimizer.step()


def _drawing(term: Any, passes: Passes, batch: Sample) -> Callable[[], None]:
    """The silhouettes' loss, and its way back to the vertices."""
    forward, backward = (
        output._replace(vertices=output.vertices.detach().requires_grad_())
        for output in (passes.forward, passes.backward)
    )
    apart = passes._replace(forward=forward, backward=backward)
    return lambda: term.value(apart, batch).backward()
