"""The reader on the authors' own files."""

from collections import Counter

import numpy as np
import pytest
import torch

from handpose_core.camera import project
from handpose_core.datasets.images import read_labels
from handpose_core.datasets.rhd import RHD
from handpose_core.datasets.rhd_layout import BONE_CLASSES, CLASS_RANGES, image_path
from handpose_core.hand import BONES, FINGER_JOINTS, FINGERS, WRIST, Side


@pytest.fixture(scope="module")
def dataset(real_rhd):
    return RHD(real_rhd, "evaluation", missing="skip")


@pytest.fixture(scope="module")
def samples(dataset):
    return [dataset[i] for i in range(len(dataset))]


def test_every_frame_that_is_there_loads(dataset, samples):
    assert len(samples) == 204
    assert len(dataset.missing_frames) == 2728 - 204
    assert not dataset.has_depth


def test_labels_project_onto_themselves(samples):
    errors = [
        (project(s["joints_3d"], s["K"]) - s["joints_2d"]).norm(dim=-1)[s["visible"]]
        for s in samples
        if s["visible"].any()
    ]
    assert torch.cat(errors).mean() <= 0.1


def test_rules_differ_on_thirty_frames(real_rhd, samples):
    other = RHD(real_rhd, "evaluation", hand_rule="visible_joints", missing="skip")
    assert sum(int(other[i]["side"] != sample["side"]) for i, sample in enumerate(samples)) == 30


def test_canonical_order_by_geometry(samples):
    joints = torch.stack([sample["joints_3d"] for sample in samples])
    from_wrist = (joints - joints[:, :1]).norm(dim=-1)
    for finger in FINGERS[1:]:
        mcp, pip, dip, tip = FINGER_JOINTS[finger]
        assert (from_wrist[:, mcp] > 40).all()  # mm: no fingertip chain starts at the wrist
        lengths = [(joints[:, a] - joints[:, b]).norm(dim=-1).mean() for a, b in ((mcp, pip), (pip, dip))]
        assert lengths[0] > lengths[1]
        assert (from_wrist[:, tip] > from_wrist[:, mcp]).float().mean() > 0.6
    # The MCPs lie side by side: index next to middle, little farthest from index.
    apart = {f: (joints[:, 5] - joints[:, FINGER_JOINTS[f][0]]).norm(dim=-1) for f in ("middle", "ring", "little")}
    assert (apart["middle"] < apart["ring"]).all()
    assert (apart["ring"] < apart["little"]).all()


def test_mask_classes_lie_on_their_bones(dataset, samples):
    """In the middle of each finger bone its own class is the one seen most often (others may hide it)."""
    seen = {bone: Counter() for bone, (start, _) in enumerate(BONES) if start != WRIST}
    for sample in samples:
        path = image_path(dataset.root, "evaluation", "mask", int(sample["frame"]))
        classes, side = read_labels(path), Side(int(sample["side"]))
        for bone in seen:
            u, v = np.rint(sample["joints_2d"][list(BONES[bone])].mean(0).numpy()).astype(int)
            if 0 <= u < 320 and 0 <= v < 320:
                seen[bone][int(classes[v, u]) - CLASS_RANGES[side][0]] += 1
    for bone, counts in seen.items():
        assert counts.total() > 150
        assert counts.most_common(1)[0][0] == BONE_CLASSES[Side.LEFT][bone] - CLASS_RANGES[Side.LEFT][0]
