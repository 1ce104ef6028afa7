"""Generated data that several tests use: tiny, and made in this very process, where shapes are checked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from handpose_core.rig import HandRig
from handpose_mvhm.generate.accept import Accepted, accept
from handpose_mvhm.generate.recipe import Recipe
from handpose_mvhm.generate.run import generate
from handpose_mvhm.generate.sources import sample_poses
from handpose_mvhm.generate.work import Done, Task, make_shard

RECIPE = Recipe(poses="sampled", pose_digest="", images=24, views=2, size=48, shard=4, held_out=0.2, side="both")


@dataclass(frozen=True)
class Here:
    """Makes shards in this process, and fails after some of them."""

    fail_after: int = 1000

    def run(self, tasks: Sequence[Task]) -> Iterator[Done]:
        for number, task in enumerate(tasks):
            if number == self.fail_after:
                raise KeyboardInterrupt
            yield make_shard(task)


@dataclass(frozen=True)
class Made:
    """How a dataset was made, and where it is."""

    root: Path
    recipe: Recipe
    poses: Accepted

    def make(self, root: Path, executor: object = None, **changes: object) -> None:
        """Make it again, somewhere or otherwise."""
        for _ in generate(root, replace(self.recipe, **changes), self.poses, executor or Here()):
            pass


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    rig = HandRig()
    poses = sample_poses(rig, 12, seed=0)
    recipe = replace(RECIPE, pose_digest=poses.digest)
    result = Made(tmp_path_factory.mktemp("mvhm") / "data", recipe, accept(poses, rig))
    result.make(result.root)
    return result


def files_of(root: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too, and its content."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
