"""Hands rendered while training: as the files have them, the same again, and nothing impossible."""

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from handpose_core.camera import project
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.cropped import CroppedDataset
from handpose_core.datamodules.packing import pack, unpack
from handpose_core.datamodules.rendered import RenderedDataModule
from handpose_core.datamodules.rhd import RHDDataModule
from handpose_core.datasets.rhd_layout import SIZE
from handpose_core.errors import HandposeError
from handpose_core.hand import Side
from handpose_core.synth.generate import Recipe
from handpose_core.synth.mixture import WorldOption
from handpose_core.synth.twins import RHDTwin

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers",
    "ignore:.*LeafSpec:FutureWarning",
    "ignore:.*number of training batches",
    "ignore:The dirpath has changed",
)
FRAMES, SEED = 5, 7
BOTH = [WorldOption("source", "anny", weight=2), WorldOption("source", "webxr"), WorldOption("target")]
VARIED = Augmentation(rotation=180, scale=0.2, flip=0.5, blur=1.0, noise=0.05)


def small(worlds=None, **options):
    """A datamodule of small pictures."""
    given = {"frames_per_epoch": 7, "val_frames": 2, "test_frames": 2, "size": 48, "batch_size": 3, "image_size": 32}
    return RenderedDataModule(worlds, SEED, **{**given, **options})


def set_up(*args, **options):
    data = small(*args, **options)
    data.setup("fit")
    return data


def assert_same(first, second):
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("world", ["source", "target"])
def test_a_batch_is_what_the_file_way_reads(tmp_path, world):
    """Written as RHD, read and cropped: the same labels and masks, colours within the rounding to 8 bits."""
    twin = RHDTwin(Recipe("rhd", world, SEED))
    for part in ("training", "evaluation"):
        twin.finish(tmp_path, part, twin.make(tmp_path, part, range(FRAMES)))
    files = RHDDataModule(str(tmp_path), image_size=64)
    written = CroppedDataset(files.training_source(), range(FRAMES), 64, 1.5, right_handed=True)
    options = {"frames_per_epoch": FRAMES, "test_frames": FRAMES, "size": SIZE, "batch_size": FRAMES, "image_size": 64}
    data = RenderedDataModule([WorldOption(world)], SEED, **options, depth=True)
    data.setup("fit")
    batch = data.make_batch(0, 0)
    for i in range(FRAMES):
        for key, value in {key: value for key, value in written[i].items() if key != "frame"}.items():
            found = batch[key][i]
            assert (found.shape, found.dtype) == (value.shape, value.dtype), key
            if key == "image":
                assert (found - value).abs().max() < 1.5 / 255  # a pixel may be rounded another way twice
                assert (found - value).abs().mean() < 0.4 / 255
            elif key == "depth" and world == "target":  # the files have a sensor's errors
                assert ((found - value).abs() < 20).float().mean() > 0.8
            else:
                tolerance = {"joints_2d": 1e-4, "joints_3d": 1e-4, "K": 1e-3, "depth": 0.1}.get(key, 0)
                torch.testing.assert_close(found, value, atol=tolerance, rtol=0, msg=key)
    data.setup("test")
    files.setup("test")
    rendered, read = (next(iter(DataLoader(module.test_set, FRAMES))) for module in (data, files))
    assert torch.equal(rendered["mask"], read["mask"])
    torch.testing.assert_close(rendered["joints_2d"], read["joints_2d"], atol=1e-4, rtol=0)
    assert (rendered["image"] - read["image"]).abs().mean() < 0.01 / 255


def test_labels_follow_the_variation():
    data = set_up(BOTH, augmentation=VARIED, batch_size=7, depth=True)
    batch, plain = data.make_batch(0, 0), set_up(BOTH, batch_size=7).make_batch(0, 0)
    assert batch["image"].shape == (7, 3, 32, 32)
    assert (batch["image"].dtype, batch["mask"].dtype, batch["side"].dtype) == (torch.float32, torch.bool, torch.int64)
    assert batch["image"].min() >= 0
    assert batch["image"].max() <= 1
    torch.testing.assert_close(project(batch["joints_3d"], batch["K"]), batch["joints_2d"], atol=1e-3, rtol=0)
    moved = (batch["joints_2d"] - plain["joints_2d"]).abs().amax((1, 2))
    assert (moved > 1).all()
    flipped = batch["mirrored"]
    assert torch.equal(flipped, plain["mirrored"])
    assert flipped.any()
    assert not flipped.all()
    assert (batch["side"] == Side.RIGHT).all()
    on_hand = batch["mask"].flatten(1).gather(1, _at(batch["joints_2d"], 32))
    assert on_hand[batch["visible"]].float().mean() > 0.8
    assert torch.equal(batch["depth"] > 0, batch["mask"])


def _at(pixels, size):
    column, row = pixels.round().long().clamp(0, size - 1).unbind(-1)
    return row * size + column


def test_every_world_and_both_sides_come_by_weight():
    mixture = small(BOTH).mixture
    shares = torch.bincount(torch.tensor([mixture.world_of("training", i) for i in range(800)])) / 800
    torch.testing.assert_close(shares, torch.tensor([0.5, 0.25, 0.25]), atol=0.06, rtol=0)
    groups = mixture.pose("training", range(12))
    assert len({(group.world, group.posed.side) for group in groups}) == len(groups) > 2
    assert sorted(row for group in groups for row in group.rows) == list(range(12))


def test_a_frame_does_not_depend_on_the_others_of_its_batch():
    whole, single = (set_up(BOTH, batch_size=size, augmentation=VARIED) for size in (7, 1))
    batch = whole.make_batch(1, 0)
    for i in (0, 4):
        alone = single.make_batch(1, i)
        for key in ("joints_2d", "joints_3d", "K"):
            torch.testing.assert_close(alone[key][0], batch[key][i], atol=1e-3, rtol=1e-5)
        assert torch.equal(alone["side"][0], batch["side"][i])
        assert int(alone["index"]) == 7 + i


class Notes(pl.LightningModule):
    """Keeps the batches of each stage."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seen, self.validated = [], []

    def training_step(self, batch):
        self.seen.append((self.current_epoch, batch))
        return self.layer(batch["K"][:, 0, :1]).mean()

    def validation_step(self, batch):
        self.validated.append(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1e-9)


def fit(data, folder, steps=-1, ckpt_path=None):
    """Train for two epochs, or for some steps; what the module saw."""
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    saved = pl.callbacks.ModelCheckpoint(folder, filename="{step}", every_n_train_steps=1, save_top_k=-1)
    trainer = pl.Trainer(max_epochs=2, max_steps=steps, callbacks=[saved], default_root_dir=folder, **quiet)
    notes = Notes()
    trainer.fit(notes, data, ckpt_path=ckpt_path)
    return notes


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two epochs, and its folder with a checkpoint of every step."""
    folder = tmp_path_factory.mktemp("trained")
    pl.seed_everything(1, verbose=False)
    return fit(small(BOTH, augmentation=VARIED), folder), folder


def test_any_batch_can_be_made_again(trained):
    notes, _ = trained
    assert [epoch for epoch, _ in notes.seen] == [0, 0, 0, 1, 1, 1]
    assert [len(batch["image"]) for _, batch in notes.seen] == [3, 3, 1, 3, 3, 1]
    again = set_up(BOTH, augmentation=VARIED)
    for i, (epoch, batch) in enumerate(notes.seen):
        assert_same(batch, again.make_batch(epoch, i % 3))
    numbers = [int(number) for _, batch in notes.seen for number in batch["index"]]
    assert numbers == list(range(14))  # never the same hand twice


def test_with_workers_and_another_seed_of_the_run_it_is_the_same(trained, tmp_path):
    pl.seed_everything(2, verbose=False)
    notes = fit(small(BOTH, augmentation=VARIED, num_workers=2), tmp_path)
    for (_, first), (_, second) in zip(trained[0].seen, notes.seen, strict=True):
        assert_same(first, second)


@pytest.mark.parametrize("step", [2, 3, 4])
def test_a_resumed_run_sees_what_it_would_have_seen(trained, tmp_path, step):
    notes, folder = trained
    resumed = fit(small(BOTH, augmentation=VARIED), tmp_path, ckpt_path=folder / f"step={step}.ckpt")
    assert len(resumed.seen) == 6 - step
    for (_, first), (_, second) in zip(notes.seen[step:], resumed.seen, strict=True):
        assert_same(first, second)


def test_processes_share_the_frames():
    data = set_up(batch_size=2)
    numbers = [data.make_batch(0, step, process=process, processes=2)["index"] for process in (0, 1) for step in (0, 1)]
    assert sorted(torch.cat(numbers).tolist()) == [0, 0, 1, 2, 3, 4, 5, 6]  # one again, so that both have equally many


def test_validation_is_rendered_once_and_not_varied(trained, monkeypatch):
    notes, _ = trained
    assert len(notes.validated) == 3  # before training, and after each epoch
    for batch in notes.validated[1:]:
        assert_same(batch, notes.validated[0])
    data = set_up(BOTH, augmentation=VARIED)
    first = next(iter(data.val_dataloader()))
    assert_same(first, notes.validated[0])
    assert_same(first, next(iter(DataLoader(set_up(BOTH).val_set, 2))))
    monkeypatch.setattr(type(data.mixture), "pose", lambda *_: pytest.fail("rendered again"))
    assert_same(first, next(iter(data.val_dataloader())))
    training, validation = (data.mixture.worlds[0].frames(SEED, name, [0])[0] for name in ("training", "validation"))
    assert (training.joints_3d != validation.joints_3d).any()


def test_overfitting_some_batches_works(tmp_path):
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = pl.Trainer(max_epochs=1, overfit_batches=1, enable_checkpointing=False, **quiet)
    notes = Notes()
    with pytest.warns(UserWarning, match="overfit"):
        trainer.fit(notes, small())
    assert notes.seen[0][1]["index"].tolist() == [0, 1, 2]


def test_vertices_are_given_where_rigs_have_equally_many():
    worlds = [WorldOption("source", vertices=2000), WorldOption("source", "webxr", 2000)]
    batch = set_up(worlds, vertices=True, augmentation=VARIED).make_batch(0, 0)
    assert batch["vertices"].shape == (3, 2000, 3)
    near = torch.cdist(batch["joints_3d"], batch["vertices"]).amin(-1)
    assert near.max() < 30  # mm: joints lie in the flesh
    with pytest.raises(HandposeError, match="vertices: found rigs of 1160 and 1610 vertices"):
        set_up(BOTH, vertices=True)


def test_results_say_what_was_rendered():
    described = set_up(BOTH, augmentation=VARIED).describe()
    assert described["worlds"] == "source/anny 50%, source/webxr 25%, target/webxr 25%"
    assert described["seed"] == str(SEED)
    assert described["crop"] == "square around the joints x 1.5, resized to 32 px"
    assert described["held_out"] == "2 for validation"
    assert "rotation=180" in described["augmentation"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames_per_epoch": 0}, "data, frames_per_epoch: found 0; expected at least 1"),
        ({"val_frames": 0}, "data, val_frames: found 0"),
        ({"test_frames": -1}, "data, test_frames: found -1"),
        ({"batch_size": 0}, "--data.batch_size: found 0"),
        ({"size": 8}, "data, size: found 8; expected at least 32 px"),
        ({"image_size": 0}, "--data.image_size: found 0"),
        ({"crop_scale": 0.0}, "--data.crop_scale: found 0"),
        ({"crop_scale": float("nan")}, "--data.crop_scale: found nan"),
        ({"worlds": []}, "data, worlds: found none"),
        ({"worlds": [WorldOption("target")], "backgrounds": "."}, "the target world has its own"),
        ({"backgrounds": "no/such/folder"}, "no/such/folder: found no such folder"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(HandposeError, match=message):
        small(**options)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"world": "moon"}, "worlds, world: found moon; expected source or target"),
        ({"world": "target", "rig": "anny"}, "worlds, rig: found anny"),
        ({"world": "target", "vertices": 2000}, "worlds, vertices: found 2000"),
        ({"weight": 0.0}, "worlds, weight: found 0"),
        ({"weight": float("nan")}, "worlds, weight: found nan"),
    ],
)
def test_impossible_worlds_are_refused(option, message):
    with pytest.raises(HandposeError, match=message):
        small([WorldOption(**option)])


def test_an_unknown_rig_and_an_unknown_step_are_refused():
    with pytest.raises(HandposeError, match="rig nobodys"):
        set_up([WorldOption("source", "nobodys")])
    data = set_up()
    for epoch, step in ((0, 3), (0, -1), (-1, 0)):
        with pytest.raises(HandposeError, match="a step from 0 to 2"):
            data.make_batch(epoch, step)


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(HandposeError, match="found no picture"):
        small(backgrounds=str(tmp_path))


def test_packed_objects_come_back_as_they_were():
    content = {
        "a": [torch.arange(5), "text"],
        "b": (torch.tensor(2.5).double(), torch.zeros(0, 3), torch.eye(3).bool().T),
    }
    form, tensors = pack(content)
    found = unpack(form, tensors)
    assert found["a"][1] == "text"
    for first, second in ((content["a"][0], found["a"][0]), *zip(content["b"], found["b"], strict=True)):
        assert (first.dtype, first.shape) == (second.dtype, second.shape)
        assert torch.equal(first, second)
    assert pack("nothing")[1].numel() == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_renders_as_the_cpu():
    data = set_up(BOTH, batch_size=7, depth=True)
    here, there = (data.make_batch(0, 0, device) for device in ("cpu", "cuda"))
    for key, value in here.items():
        other = there[key].cpu()
        if key in ("image", "depth", "mask", "visible"):  # single pixels may fall on the other side of an edge
            assert ((other.float() - value.float()).abs() > 0.02).float().mean() < 0.01, key
        else:
            torch.testing.assert_close(other, value, atol=1e-2, rtol=1e-5, msg=key)
