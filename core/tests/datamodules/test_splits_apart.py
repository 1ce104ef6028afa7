"""No sample to validate on is one to test or train on: of any dataset, twin, rendered, generated or prepared data."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from core.tests.datasets.conftest import _group

from handpose_core.datamodules.base import HandDataModule
from handpose_core.datamodules.cmu_ps import CMUPSDataModule
from handpose_core.datamodules.folder import FolderDataModule
from handpose_core.datamodules.freihand import FreiHANDDataModule
from handpose_core.datamodules.mhp import MHPDataModule
from handpose_core.datamodules.mixed import MixedDataModule
from handpose_core.datamodules.mvhm import MVHMDataModule
from handpose_core.datamodules.prepared import PreparedDataModule
from handpose_core.datamodules.rendered import RenderedDataModule
from handpose_core.datamodules.rhd import RHDDataModule
from handpose_core.datamodules.stb import STBDataModule
from handpose_core.datasets.mvhm_layout import FACES, MANIFEST, shard_path
from handpose_core.errors import HandposeError
from handpose_core.prepare.manifest import Recipe as PreparedRecipe
from handpose_core.prepare.run import prepare
from handpose_core.rig import HandRig
from handpose_core.synth.generate import Recipe
from handpose_core.synth.layouts.mvhm import npy_bytes, write_shard
from handpose_core.synth.twins import TWINS
from handpose_core.training.data_names import known_datamodules

PARTS = ("train", "val", "test")
#: The parts of each twin that stand for training, validation and test, and how many frames of each are made.
TWIN_PARTS = {
    "rhd": {"training": 3, "evaluation": 2},
    "stb": {"B2Random": 1, "B6Random": 1, "B1Random": 1},
    "mhp": {"data_3": 1, "data_20": 1, "data_1": 1},
    "freihand": {"training": 3, "evaluation": 2},
    "cmu-ps": {"manual_train": 3, "manual_test": 2},
}


@pytest.fixture
def roots(drawn_stb, drawn_mhp, drawn_cmu_ps, drawn_freihand, drawn_folder, rhd_root, tmp_path) -> SimpleNamespace:
    """Folders of every layout."""
    other = tmp_path / "other"
    shutil.copytree(drawn_folder.root, other)
    for number, picture in enumerate(sorted((other / "images").iterdir())):
        picture.write_bytes((drawn_stb.root / "images" / "B3Random" / f"SK_color_{number % 5}.png").read_bytes())
    return SimpleNamespace(
        rhd=rhd_root, stb=drawn_stb.root, mhp=drawn_mhp.root, cmu_ps=drawn_cmu_ps.root,
        freihand=drawn_freihand.root, folder=drawn_folder.root, other=other, made=tmp_path,
    )  # fmt: skip


def of_mvhm(roots: SimpleNamespace) -> MVHMDataModule:
    root, counts, rng = roots.made / "mvhm", {"train": 3, "val": 2, "test": 2}, np.random.default_rng(0)
    for split, count in counts.items():
        write_shard(shard_path(root, split, 0), range(count), [_group(rng, HandRig(), n) for n in range(count)])
    (root / FACES).write_bytes(npy_bytes(HandRig().faces.numpy()))
    recipe = '{"views": 2, "rig": "anny", "shard": 3, "poses": "made up", "seed": 0}'
    groups = str(counts).replace("'", '"')
    (root / MANIFEST).write_text(f'{{"recipe": {recipe}, "groups": {groups}, "wanted": {groups}, "checksums": {{}}}}')
    return MVHMDataModule(str(root), image_size=32)


def of_prepared(roots: SimpleNamespace) -> PreparedDataModule:
    original = MHPDataModule(str(roots.mhp), image_size=32, cameras=[1])
    recipe = PreparedRecipe("MHP", {}, 32, 1.5, 1.2, 95)
    for part in PARTS:
        for _ in prepare(original, roots.made / "prepared", part, recipe, 1):
            pass
    return PreparedDataModule(str(roots.made / "prepared"))


DATAMODULES: dict[str, Callable[[SimpleNamespace], HandDataModule]] = {
    "RHD": lambda roots: RHDDataModule(str(roots.rhd), val_fraction=0.3),
    "STB": lambda roots: STBDataModule(str(roots.stb)),
    "STB, both cameras": lambda roots: STBDataModule(str(roots.stb), camera="bb", group="views"),
    "STB, clips": lambda roots: STBDataModule(str(roots.stb), group="clips", clip_length=2, clip_step=1),
    "MHP": lambda roots: MHPDataModule(str(roots.mhp)),
    "MHP, views": lambda roots: MHPDataModule(str(roots.mhp), group="views"),
    "MHP, clips": lambda roots: MHPDataModule(str(roots.mhp), group="clips", clip_length=2, clip_step=1),
    "CMUPS": lambda roots: CMUPSDataModule(str(roots.cmu_ps), val_fraction=0.3),
    "CMUPS, hands_v143": lambda roots: CMUPSDataModule(str(roots.cmu_ps), train_part="hands_v143", val_fraction=0.3),
    "FreiHAND": lambda roots: FreiHANDDataModule(str(roots.freihand), val_fraction=0.3),
    "Folder": lambda roots: FolderDataModule(str(roots.folder), str(roots.other), val_fraction=0.3),
    "Folder, clips": lambda roots: FolderDataModule(
        str(roots.folder), str(roots.other), val_fraction=0.3, group="clips", clip_length=2, clip_step=1
    ),
    "MVHM": of_mvhm,
    "Rendered": lambda roots: RenderedDataModule(frames_per_epoch=3, val_frames=3, test_frames=3, size=32),
    "Prepared": of_prepared,
    "Mixed": lambda roots: MixedDataModule(
        [MHPDataModule(str(roots.mhp)), STBDataModule(str(roots.stb))], ratio=[1, 1], evaluate=0
    ),
}


def pictures(data: HandDataModule) -> dict[str, set[bytes]]:
    """Digests of the un-cropped pictures of each part."""
    found = {}
    for part, stage in zip(PARTS, ("fit", "fit", "test"), strict=True):
        data.setup(stage)
        samples = getattr(data, f"{part}_set")
        assert len(samples) > 0
        found[part] = {
            hashlib.sha256(np.ascontiguousarray(frame.numpy()).tobytes()).digest()
            for i in samples.indices
            for frame in samples.source[i]["image"].reshape(-1, *samples.source[i]["image"].shape[-3:])
        }
    return found


def assert_apart(found: dict[str, set[bytes]]) -> None:
    assert not found["val"] & found["test"], "validation samples are test samples"
    assert not found["val"] & found["train"], "validation samples are trained on"
    assert not found["test"] & found["train"], "test samples are trained on"


def test_every_datamodule_is_looked_at():
    known = {name for name, kind in known_datamodules().items() if kind.__module__.startswith("handpose_core.")}
    assert {name.partition(",")[0] for name in DATAMODULES} == known


@pytest.mark.parametrize("name", DATAMODULES)
def test_no_validation_sample_is_tested_or_trained_on(roots, name):
    assert_apart(pictures(DATAMODULES[name](roots)))


@pytest.mark.parametrize("name", [name for name in DATAMODULES if name.startswith(("MHP", "STB"))])
def test_no_video_is_in_two_parts(roots, name):
    data = DATAMODULES[name](roots)
    for stage in ("fit", "test"):
        data.setup(stage)
    sets = [getattr(data, f"{part}_set") for part in PARTS]
    train, val, test = ({int(n) for n in np.asarray(s.source.sequences)[list(s.indices)]} for s in sets)
    assert not (train & val) | (val & test) | (train & test)


def test_every_twin_is_looked_at():
    assert TWIN_PARTS.keys() == TWINS.keys()


@pytest.mark.parametrize("like", TWIN_PARTS)
def test_no_validation_sample_of_a_twin_is_tested_or_trained_on(tmp_path: Path, like: str):
    twin = TWINS[like](Recipe(like, seed=3))
    for part, count in TWIN_PARTS[like].items():
        assert part in twin.parts(count)
        twin.finish(tmp_path, part, twin.make(tmp_path, part, range(count)))
    fraction = {} if like in ("stb", "mhp") else {"val_fraction": 0.4}
    kind = known_datamodules()[{"cmu-ps": "CMUPS", "freihand": "FreiHAND"}.get(like, like.upper())]
    assert_apart(pictures(kind(str(tmp_path), missing="skip", **fraction)))


def test_one_part_of_cmu_ps_is_not_trained_and_tested_on(drawn_cmu_ps):
    data = CMUPSDataModule(str(drawn_cmu_ps.root), train_part="manual_test")
    with pytest.raises(HandposeError, match=r"--data\.train_part, --data\.test_part: found manual_test for both"):
        data.setup("fit")
    data.setup("test")
    assert len(data.test_set) == 4
