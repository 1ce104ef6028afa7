import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.hand import BONES
from handpose_tassn.masks import GrabCut, MaskedSamples, intersection_over_union, measure_masks

ALL = np.ones(21, bool)


def skeleton(length: float = 1.0) -> np.ndarray:
    """Five straight fingers in a 160 px picture."""
    angles = np.radians([-60, -25, 0, 20, 42])
    fingers = [
        (np.sin(a) * r, -np.cos(a) * r) for a in angles for r in (30 * length, 50 * length, 65 * length, 78 * length)
    ]
    return np.array([(0, 0), *fingers], np.float32) + np.array([80, 120], np.float32)


def picture(joints: np.ndarray, seed: int = 0, thickness: int = 11) -> tuple[np.ndarray, np.ndarray]:
    """A hand of the colour of skin before rough green, and its mask."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((160, 160), np.uint8)
    for start, end in BONES:
        cv2.line(mask, joints[start].astype(int).tolist(), joints[end].astype(int).tolist(), 1, thickness)
    colours = np.where(mask[..., None] > 0, [205, 150, 120], [60, 110, 70]) + rng.integers(-25, 25, (160, 160, 3))
    return colours.astype(np.uint8), mask > 0


class Frames:
    """Hands with labels, as a dataset; one picture is of another hand's size than its labels."""

    def __init__(self, count: int = 6, odd: int | None = None) -> None:
        self.samples: list[Sample] = []
        for i in range(count):
            joints = skeleton(1 - 0.02 * i)
            image, mask = picture(joints, i, 31 if i == odd else 11)
            self.samples.append({
                "image": torch.from_numpy(image).permute(2, 0, 1).float() / 255,
                "joints_2d": torch.from_numpy(joints), "annotated": torch.ones(21, dtype=torch.bool),
                "mask": torch.from_numpy(mask)[None],
            })  # fmt: skip

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]

    def where(self, index: int) -> str:
        return f"frame {index}"

    def describe(self) -> dict[str, str]:
        return {"hand": "drawn"}


def made(frames: Frames, folder: Path, workers: int = 1, **options: float) -> MaskedSamples:
    masks = MaskedSamples(frames, folder, GrabCut(**{"side": 70.0} | options))
    assert list(masks.make(workers))[-1] == (len(frames), len(frames))
    return masks


def test_the_hand_is_cut_out_where_colours_tell_it_from_the_background():
    joints = skeleton()
    image, true = picture(joints)
    mask, _ = GrabCut().cut(image, joints, ALL)
    assert intersection_over_union(mask, true) > 0.9
    again, _ = GrabCut().cut(image, joints, ALL)
    assert np.array_equal(mask, again)


def test_seeds_lie_where_they_were_asked_for():
    joints = np.full((21, 2), np.nan)
    joints[0], joints[9] = (50.0, 40.0), (50.0, 115.0)  # a lone bone: scaled by two to 150 px
    known = np.isin(np.arange(21), [0, 9])
    to_crop, classes = GrabCut().crop(joints, known)
    assert classes.shape == (300, 300)
    assert to_crop @ [50, 77.5, 1] == pytest.approx([149.5, 149.5])
    across = classes[150]
    sure, probable = np.flatnonzero(across == cv2.GC_FGD), np.flatnonzero(across & 1)
    assert [sure[0], sure[-1]] == pytest.approx([145.5, 153.5], abs=1.5)  # 4 px either way
    assert [probable[0], probable[-1]] == pytest.approx([139.5, 159.5], abs=1.5)
    # as high as the bone times 1.2; round ends of the strokes reach further than the box is wide
    assert (classes[:50] == cv2.GC_BGD).all()
    assert (classes[260:] == cv2.GC_BGD).all()


@pytest.mark.parametrize("joints", [np.full((21, 2), np.nan), skeleton() + 9000, skeleton() - 9000])
def test_without_a_joint_in_the_picture_the_mask_is_empty(joints):
    image, _ = picture(skeleton())
    mask, share = GrabCut().cut(image, joints, ALL)
    assert not mask.any()
    assert share == 0
    assert not GrabCut().cut(image, skeleton(), ~ALL)[0].any()


def test_a_hand_half_outside_and_missing_joints_are_no_obstacle():
    joints = skeleton() + np.array([60, 0], np.float32)
    image, true = picture(joints)
    known = ALL.copy()
    known[[3, 4]] = False
    mask, _ = GrabCut().cut(image, joints, known)
    assert intersection_over_union(mask, true) > 0.75


def test_masks_replace_the_samples_own_and_are_made_once(tmp_path, monkeypatch):
    frames = Frames()
    masks = made(frames, tmp_path)
    assert masks[2]["mask"].shape == (1, 160, 160)
    assert masks[2]["mask_used"]
    assert not torch.equal(masks[2]["mask"], frames[2]["mask"])
    monkeypatch.setattr(GrabCut, "cut", lambda *_: pytest.fail("cut again"))
    again = made(frames, tmp_path)
    assert torch.equal(again[2]["mask"], masks[2]["mask"])
    assert again.counts() == masks.counts()
    assert "used" in again.describe()["masks"]


def test_other_options_or_pictures_make_other_masks(tmp_path):
    frames = Frames(2)
    masks = made(frames, tmp_path)
    made(frames, tmp_path, sure_radius=2.0)
    assert len(list(tmp_path.rglob("*.png"))) == 4
    frames.samples[1]["image"] = frames.samples[1]["image"].flip(-1)
    with pytest.raises(HandposeError, match=r"frame 1: found no mask of this picture.*Run `make` first"):
        masks[1]


def test_two_processes_make_what_one_does(tmp_path):
    frames = Frames(20)
    one, two = made(frames, tmp_path / "one"), made(frames, tmp_path / "two", workers=2)
    assert one.counts() == two.counts()
    assert all(torch.equal(one[i]["mask"], two[i]["mask"]) for i in range(20))


def test_areas_out_of_line_and_empty_masks_are_counted_and_not_used(tmp_path):
    frames = Frames(9, odd=4)
    frames.samples[7]["annotated"] = torch.zeros(21, dtype=torch.bool)
    masks = made(frames, tmp_path)
    counts = masks.counts()
    assert (counts.samples, counts.empty, counts.outliers, counts.used) == (9, 1, 1, 7)
    assert [bool(masks[i]["mask_used"]) for i in (3, 4, 7)] == [True, False, False]
    quality = measure_masks(masks)
    assert quality[:, 1].tolist() == [1, 1, 1, 1, 0, 1, 1, 0, 1]
    true = frames[3]["mask"][0].numpy()
    assert quality[3, 0] == (masks[3]["mask"][0].numpy() & true).sum() / (masks[3]["mask"][0].numpy() | true).sum()
    assert quality[7, 0] == 0
    assert "7 of 9 used, 1 empty, 1 outliers" in masks.describe()["masks"]


def test_what_cannot_be_cut_is_told(tmp_path):
    frames = Frames(1)
    del frames.samples[0]["joints_2d"]
    with pytest.raises(HandposeError, match="frame 0: found no joints_2d"):
        made(frames, tmp_path)
    clip = Frames(1)
    clip.samples[0]["image"] = clip.samples[0]["image"][None]
    with pytest.raises(HandposeError, match="single frames"):
        made(clip, tmp_path)
    bare = Frames(1)
    masks = made(bare, tmp_path)
    del bare.samples[0]["mask"]
    with pytest.raises(HandposeError, match="a true mask"):
        measure_masks(masks)
    next(tmp_path.rglob("*.png")).write_bytes(b"cut short")
    with pytest.raises(HandposeError, match="Delete it"):
        masks[0]
    assert isinstance(json.loads(next(tmp_path.rglob("*.json")).read_text()), float)
