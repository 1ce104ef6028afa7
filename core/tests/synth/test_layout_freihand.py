import json

import numpy as np
import pytest

from handpose_core.datasets.freihand_layout import image_number
from handpose_core.synth.layouts.freihand import image_is_written, write_image, write_labels


@pytest.mark.parametrize(("version", "number"), [("gs", 17), ("hom", 32577), ("sample", 65137), ("auto", 97697)])
def test_versions_are_the_authors(version, number):
    assert image_number(17, version, 32560) == number


def test_files_are_as_the_authors_store_them(tmp_path):
    joints = np.random.default_rng(0).normal(0, 50, (2, 21, 3)) + np.array([0, 0, 600])
    assert not image_is_written(tmp_path, "training", 32577)
    write_image(tmp_path, "training", 32577, np.zeros((224, 224, 3), np.uint8))
    assert image_is_written(tmp_path, "training", 32577)
    write_labels(tmp_path, "training", np.stack([np.eye(3)] * 2), joints)
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    assert names == ["training/rgb/00032577.jpg", "training_K.json", "training_xyz.json"]
    np.testing.assert_allclose(json.loads((tmp_path / "training_xyz.json").read_text()), joints / 1000)
    assert json.loads((tmp_path / "training_K.json").read_text()) == [np.eye(3).tolist()] * 2
    write_labels(tmp_path, "evaluation", np.eye(3)[None], joints[:1], joints[:1] + 3)
    np.testing.assert_allclose(json.loads((tmp_path / "evaluation_verts.json").read_text()), (joints[:1] + 3) / 1000)
