"""Where a table's data comes from: folders the user gives, or twins made for it."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handpose_benchmarks.tables.datasets import DATASETS, MVHM
from handpose_core.errors import HandposeError
from handpose_core.synth.provenance import generated_record
from handpose_core.training.data_names import resolve_data

GENERATED = "generated.json"
"""What ``handpose tagan generate`` leaves in a set."""
TWINS = "twins"
SEED = 0


@dataclass(frozen=True)
class Source:
    """The data of one dataset.

    Attributes:
        root: Its folder.
        arguments: Further options of the datamodule.
        size: Of a twin: which of the sizes in `DATASETS`; None for a folder that was given.
        prepared: Where its crops are prepared for the trainings, which read them dozens of times; None reads ``root``.
        vertices: Number of vertices of the meshes that are made for it; None for the rig's own.
    """

    root: Path
    arguments: tuple[str, ...] = field(default=())
    size: str | None = None
    prepared: Path | None = None
    vertices: int | None = None

    def options(self, datamodule: str) -> tuple[str, ...]:
        """What trainings are given to read it; ``datamodule`` is the original's."""
        if self.prepared is None:
            return ("--data", datamodule, "--data.root", str(self.root), *self.arguments)
        return ("--data", "Prepared", "--data.root", str(self.prepared))

    def part(self, datamodule: str) -> dict[str, Any]:
        """The same as a part of a mixture: a class and its arguments."""
        _, name, *further = self.options(datamodule)
        arguments = {name.removeprefix("--data."): value for name, value in zip(*[iter(further)] * 2, strict=True)}
        return {"class_path": resolve_data(("--data", name))[1], "init_args": arguments}


def mixed_options(parts: Sequence[tuple[Source, str]], ratio: Sequence[float]) -> tuple[str, ...]:
    """What trainings on several datasets at once are given, the first of which validates and tests.

    Args:
        parts: Each with its datamodule.
        ratio: How many samples of each.
    """
    described = json.dumps([source.part(datamodule) for source, datamodule in parts])
    return ("--data", "Mixed", "--data.parts", described, "--data.ratio", json.dumps(list(ratio)))


def given_folders(text: str) -> dict[str, Source]:
    """The sources that ``rhd=PATH,stb=PATH`` names.

    Raises:
        HandposeError: it is not of this form, a dataset is unknown or a folder is not there.
    """
    sources = {}
    for entry in text.split(","):
        name, separator, path = entry.strip().partition("=")
        if not separator or name not in DATASETS:
            known = f"'{TWINS}', or NAME=PATH,NAME=PATH with names out of {', '.join(DATASETS)}"
            raise HandposeError("--data", f"'{entry.strip()}'", known, "Correct it.")
        if not Path(path).is_dir():
            raise HandposeError(f"--data {name}", f"{path}, which is no folder", "the dataset's", "Check the path.")
        sources[name] = Source(Path(path))
    return sources


def twin_sources(names: set[str], folder: Path, size: str) -> dict[str, Source]:
    """The sources of twins, made or not; parts that a size leaves out are not missed.

    Raises:
        HandposeError: there is no such size.
    """
    sources = {}
    for name in sorted(names):
        sizes = DATASETS[name].twin
        if size not in sizes:
            raise HandposeError("--size", f"'{size}'", f"one of {', '.join(sizes)}", "Name one of these.")
        sources[name] = Source(folder / f"{name}-{size}", ("--data.missing", "skip"), size)
    return sources


def make_twin(name: str, source: Source, report: Callable[[str], None]) -> None:
    """Make a dataset's twin as ``handpose data synth`` does, or MVHM; what is there is not made again.

    Args:
        name: Of the dataset.
        source: Where, and of which size.
        report: Takes lines of progress.
    """
    from handpose_core.synth.generate import Recipe, generate
    from handpose_core.synth.twins import TWINS as MAKERS

    assert source.size is not None
    dataset = DATASETS[name]
    if dataset.like == MVHM:
        _generate_mvhm(source, *dataset.twin[source.size][0])
        return
    twin = MAKERS[dataset.like](Recipe(dataset.like, dataset.world, SEED))
    for part, frames in dataset.twin[source.size]:
        ready = generate(twin, source.root, part, frames, os.cpu_count() or 1)
        if missing := frames - next(ready):
            report(f"{source.root}: making {missing} {part} frames")
        for _ in ready:  # to its end, also where only the labels were missing
            pass
        if missing:
            report(f"{source.root}: {frames} {part} frames made")


def _generate_mvhm(source: Source, side: str, images: int) -> None:
    """So many pictures of hands in sampled poses, which need no other dataset; it tells its progress itself."""
    from handpose_mvhm.generate.command import main

    meshes = [] if source.vertices is None else ["--vertices", str(source.vertices)]
    how = ["--poses", "sampled", "--images", str(images), "--size", side, "--seed", str(SEED)]
    main([str(source.root), *how, *meshes])


def prepare_crops(
    name: str, source: Source, image_size: str, parts: Sequence[str], further: Sequence[str] = ()
) -> None:
    """Prepare a dataset's crops, as ``handpose data prepare`` does; what is there is checked, not made again.

    Args:
        name: Of the dataset.
        source: Where.
        image_size: Side of the crops, px.
        parts: Which of train, val and test.
        further: The table's options of the dataset.
    """
    from handpose_core.cli.data.prepare import main

    dataset = DATASETS[name]
    options = ("--data", dataset.datamodule, "--data.image_size", image_size, *dataset.options, *source.arguments)
    options = (*options, *further)
    main([str(source.root), str(source.prepared), *options, "--parts", f"[{','.join(parts)}]"])


def describe(source: Source) -> dict[str, Any]:
    """What the results record of the data: a twin's manifest with a checksum, or that a folder was given."""
    if source.size is None:
        record = source.root / GENERATED
        made = {"generated": json.loads(record.read_text("utf-8"))} if record.is_file() else {}
        return {"source": "folder", "name": source.root.resolve().name, **generated_record(source.root), **made}
    from handpose_core.datasets.mvhm_layout import MANIFEST as OF_MVHM
    from handpose_core.synth.generate import MANIFEST

    of_twin = source.root / MANIFEST
    text = (of_twin if of_twin.is_file() else source.root / OF_MVHM).read_text("utf-8")
    manifest: Mapping[str, Any] = json.loads(text)  # with the checksums of all files, so that its own stands for them
    if not of_twin.is_file():
        recipe = manifest["recipe"]
        alike = {"world": "source", "seed": recipe["seed"], "version": recipe["version"], "frames": manifest["images"]}
        manifest = {**manifest, **alike}
    return {"source": "twin", "size": source.size, **manifest, "checksum": hashlib.sha256(text.encode()).hexdigest()}
