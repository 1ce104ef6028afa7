"""A change of what `handpose mvhm generate` makes of the same seeds raises the data version."""

from dataclasses import replace
from pathlib import Path

from core.tests.synth.fingerprints import fingerprint, hold_version

from handpose_core.datasets.mvhm import MVHM
from handpose_core.rig import HandRig
from handpose_mvhm.generate.accept import accept
from handpose_mvhm.generate.run import generate
from handpose_mvhm.generate.sources import sample_poses

from .conftest import RECIPE, Here

KEPT = Path(__file__).with_name("data_version.json")


def test_generated_hands_are_those_of_the_data_version(tmp_path):
    rig = HandRig()
    poses = sample_poses(rig, 4, seed=2)
    recipe = replace(RECIPE, pose_digest=poses.digest, images=8, held_out=0.25)
    for _ in generate(tmp_path / "data", recipe, accept(poses, rig), Here()):
        pass
    samples = [MVHM(tmp_path / "data", "train", None, True)[number] for number in range(2)]
    labels = [sample[key].numpy() for sample in samples for key in ("joints_3d", "K", "R", "t", "side")]
    vertices = [sample["vertices"][::160].numpy() for sample in samples]
    pictures = [255 * sample["image"].permute(1, 2, 0).numpy() for sample in samples]
    depths = [sample["depth"][0].clamp(0, 2000).numpy() / 8 for sample in samples]
    hold_version({"sampled": fingerprint([*labels, *vertices], [*pictures, *depths])}, KEPT)
