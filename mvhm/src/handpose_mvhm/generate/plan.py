"""Who goes where: poses into splits, by blocks and never by views, and view groups into shards."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int
from numpy import ndarray

from handpose_core.datasets.mvhm_layout import Split
from handpose_core.errors import HandposeError
from handpose_mvhm.generate.accept import Accepted
from handpose_mvhm.generate.recipe import Recipe


@dataclass(frozen=True)
class Shard:
    """The view groups of one file.

    Attributes:
        split: which.
        number: of the shard in its split.
        keys: number of each group in the split.
        ids: pose of each group.
        joints: of these poses.
    """

    split: Split
    number: int
    keys: tuple[int, ...]
    ids: Int[ndarray, " groups"]
    joints: Float64[ndarray, "groups 21 3"]


def plan(recipe: Recipe, poses: Accepted) -> dict[Split, list[Shard]]:
    """The shards of every split; a pose comes again, with another hand, only after all of its split have come.

    Poses of one motion stay together and in their order, in one shard.

    Raises:
        HandposeError: too few images or poses for three splits, or shards that would cut motions.
    """
    if recipe.shard % recipe.frames:
        raise HandposeError(
            "--shard", f"{recipe.shard} hands, with motions of {recipe.frames} frames", "whole motions in a shard",
            f"Take a multiple of {recipe.frames}.",
        )  # fmt: skip
    counts = _counts(recipe)
    shards: dict[Split, list[Shard]] = {}
    for split, members in _members(recipe, poses).items():
        order = _order(recipe, split, members, counts[split])
        starts = range(0, len(order), recipe.shard)
        shards[split] = [
            Shard(
                split,
                start // recipe.shard,
                tuple(range(start, start + len(rows))),
                poses.ids[rows],
                poses.joints[rows],
            )
            for start in starts
            for rows in [order[start : start + recipe.shard]]
        ]
    return shards


def _counts(recipe: Recipe) -> dict[Split, int]:
    """Motions of each split, which of single moments are its view groups."""
    held_out = max(1, round(recipe.clips * recipe.held_out))
    if recipe.clips < 2 * held_out + 1:
        of = f"{recipe.frames} frames of " if recipe.frames > 1 else ""
        raise HandposeError(
            "--images", f"{recipe.images}, which is {recipe.clips} groups of {of}{recipe.views} views",
            "at least one group for each of train, val and test", "Ask for more images, or fewer views.",
        )  # fmt: skip
    return {"train": recipe.clips - 2 * held_out, "val": held_out, "test": held_out}


def _members(recipe: Recipe, poses: Accepted) -> dict[Split, Int[ndarray, "n frames"]]:
    """Positions of each split's poses, motion by motion; motions of which a pose was left out are left out."""
    blocks, sizes = np.unique(poses.blocks, return_counts=True)
    blocks = blocks[sizes >= recipe.frames]
    held_out = max(1, round(len(blocks) * recipe.held_out))
    if len(blocks) < 2 * held_out + 1:
        raise HandposeError(
            f"--poses, {recipe.poses}", f"{len(blocks)} blocks of neighbouring poses", "at least three, one a split",
            "Give more poses.",
        )  # fmt: skip
    shuffled = np.random.default_rng((recipe.seed, 0)).permutation(blocks)
    chosen: dict[Split, ndarray] = {
        "train": shuffled[2 * held_out :], "val": shuffled[:held_out], "test": shuffled[held_out : 2 * held_out]
    }  # fmt: skip
    return {
        split: np.flatnonzero(np.isin(poses.blocks, own)).reshape(-1, recipe.frames) for split, own in chosen.items()
    }


def _order(recipe: Recipe, split: Split, members: Int[ndarray, "n frames"], count: int) -> Int[ndarray, " groups"]:
    """The positions of so many motions' poses, in the order in which they are shown."""
    rounds = -(-count // len(members))
    draws = [np.random.default_rng((recipe.seed, *split.encode(), k)).permutation(len(members)) for k in range(rounds)]
    order: Int[ndarray, " groups"] = members[np.concatenate(draws)[:count]].flatten()
    return order
