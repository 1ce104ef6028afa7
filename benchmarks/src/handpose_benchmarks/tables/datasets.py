"""The datasets of the tables: their datamodules, and the twins that stand in for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

WorldName = Literal["source", "target"]
Part = tuple[str, int]
"""A split or sequence, and how many frames are made of it; of MVHM the pictures' side and number."""
MVHM = "mvhm"
"""In place of a layout: made by ``handpose mvhm generate``, all splits at once."""


@dataclass(frozen=True)
class Dataset:
    """A dataset as tables name it.

    Attributes:
        title: As printed.
        datamodule: Short name for ``--data``.
        like: Whose layout it has, for ``handpose data synth``; or `MVHM`.
        twin: What is made of it, by size; sizes have the names of recipes, ``tiny`` is for trying out. Nothing for
            sets that are generated, see `GENERATED_SETS`.
        world: In which world: the target world stands in for real data.
        options: Of the datamodule, so that it reads all that rows need.
    """

    title: str
    datamodule: str
    like: str
    twin: Mapping[str, tuple[Part, ...]]
    world: WorldName = "target"
    options: tuple[str, ...] = ()


def _each(names: list[str], frames: int) -> tuple[Part, ...]:
    return tuple((name, frames) for name in names)


# A frame of STB's and MHP's twins is four pictures of 640x480, and each sequence starts processes: the demo has short
# sequences, and not all of MHP's. Many sequences, as each has another person. B1, and data_1 and data_2, are for the
# test, B6Random, data_20 and data_21 are held out for validation.
# Joint 0 is the wrist in every table, as the thesis moves it there and as MVHM and RHD have it.
_ABOUT_THE_WRIST = ("--data.wrist_rule", "ring_2.0")
_STB = [f"B{i}{motion}" for i in range(1, 7) for motion in ("Counting", "Random")]

GENERATED_SETS = {"cbg": "CBG", "rbg": "RBG", "pix2pix": "pix2pix", "cyclegan": "CycleGAN", "tagan": "TAGAN"}
"""Of simulated hands: on a clear background, over real pictures, and made to look like these by generators."""
DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        "rhd": Dataset(
            "RHD",
            "RHD",
            "rhd",
            {
                "tiny": (("training", 24), ("evaluation", 6)),
                "demo": (("training", 1500), ("evaluation", 300)),
                "paper": (("training", 16000), ("evaluation", 1600)),
            },
        ),
        "stb": Dataset(
            "STB",
            "STB",
            "stb",
            {
                "tiny": _each(["B1Random", "B2Random", "B6Random"], 8),
                "demo": (*_each(_STB[:2], 96), *_each(_STB[2:11], 64), (_STB[11], 32)),
                "paper": _each(_STB, 1500),
            },
            options=("--data.depth", "true", *_ABOUT_THE_WRIST),
        ),
        "mhp": Dataset(
            "MHP",
            "MHP",
            "mhp",
            {
                "tiny": _each(["data_1", "data_3", "data_20"], 4),
                "demo": _each([f"data_{i}" for i in (*range(1, 13), 20, 21)], 32),
                "paper": _each([f"data_{i}" for i in range(1, 22)], 200),
            },
            options=_ABOUT_THE_WRIST,
        ),
        "source": Dataset(
            "source world",
            "RHD",
            "rhd",
            {
                "tiny": (("training", 24), ("evaluation", 6)),
                "demo": (("training", 1500), ("evaluation", 60)),
                "paper": (("training", 16000), ("evaluation", 600)),
            },
            world="source",
        ),
        "mvhm": Dataset(
            "MVHM",
            "MVHM",
            MVHM,
            # eight pictures of each hand, this many px wide; the thesis has 320,000 of 40,000
            {"tiny": (("128", 48),), "demo": (("128", 9600),), "paper": (("256", 320_000),)},
            world="source",
            options=("--data.vertices", "true"),
        ),
        "cmu_ps": Dataset(
            "CMU-PS",
            "CMUPS",
            "cmu-ps",
            {
                "tiny": (("manual_test", 6),),
                "demo": (("manual_test", 300),),
                "paper": (("manual_test", 846),),
            },
        ),
        # real hands without labels; FreiHAND's layout, as its pictures are of one hand each
        "rhtd": Dataset(
            "RHTD",
            "Folder",
            "freihand",
            {
                "tiny": (("training", 24), ("evaluation", 12)),
                "demo": (("training", 1500), ("evaluation", 300)),
                "paper": (("training", 17040), ("evaluation", 1700)),
            },
        ),
        **{
            name: Dataset(f"AR hand w/ {title}", "Folder", "", {}, world="source")
            for name, title in GENERATED_SETS.items()
        },
    }
)
"""By their names in tables, on the command line and in results; ``source`` is what costs nothing to pre-train with."""
