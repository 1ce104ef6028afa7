"""Any dataset as the checks look at it, through its reader: a sample of its samples, labels and pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from handpose_core.checks.part import NO_SIDE, DepthPicture, Files, Labels, Part, Pictures, spread_out
from handpose_core.datasets.detect import Layout, Source, SplitLayout
from handpose_core.datasets.sample import Sample
from handpose_core.datasets.stb_layout import decode_depth, encode_depth
from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS


def sampled_parts(root: Path, layout: Layout, at_most: int) -> list[Part]:
    """Every split of which something is there."""
    here = layout.splits_in(root)
    return [_part(root, layout, split, -(-at_most // len(here))) for split in here]


def _part(root: Path, layout: Layout, split: SplitLayout, at_most: int) -> Part:
    images, left_out = split.pictures_in(root), split.left_out_of(root)
    assert layout.open is not None
    try:
        source = layout.open(root, split.name)
    except HandposeError as error:
        files = [Files("pictures", images, 0, split.published, left_out=left_out)]
        return Part(split.name, files, None, None, np.empty(0, int), 0, error)
    rows = spread_out(np.arange(len(source)), at_most)
    read = [_read(source, int(row)) for row in rows]
    labels = _labels(root, [source.where(int(row)) for row in rows], read, layout)

    def picture(row: int) -> Pictures:
        sample = read[row]
        if isinstance(sample, HandposeError):
            raise sample
        return _pictures(row, sample, labels)

    files = [Files("pictures", images, len(source), split.published, layout.unique_pictures, left_out)]
    remark = f"a sample of {len(source)}" if len(rows) < len(source) else ""
    return Part(split.name, files, labels, picture, np.arange(len(rows)), at_most, remark=remark)


def _read(source: Source, row: int) -> Sample | HandposeError:
    try:
        return source[row]
    except HandposeError as error:
        return error


def _labels(root: Path, names: Sequence[str], read: Sequence[Sample | HandposeError], layout: Layout) -> Labels:
    """The samples' labels; those of samples that cannot be read are not visible and no numbers."""
    return Labels(
        names=names,
        joints_2d=_stack(read, "joints_2d", (N_JOINTS, 2)),
        joints_3d=_stack(read, "joints_3d", (N_JOINTS, 3)),
        K=_stack(read, "K", (3, 3)),
        visible=np.stack([_visible(sample) for sample in read]),
        side=np.array([_scalar(sample, "side") for sample in read]),
        sequence=np.array([_scalar(sample, "sequence") for sample in read]) if _has(read, "sequence") else None,
        unit="mm",
        order=layout.order,
        root=layout.root,
        source=str(root),
        one_hand=layout.one_hand_a_video,
    )


def _has(read: Sequence[Sample | HandposeError], key: str) -> bool:
    return any(not isinstance(sample, HandposeError) and key in sample for sample in read)


def _stack(read: Sequence[Sample | HandposeError], key: str, shape: tuple[int, int]) -> Float[ndarray, "n _ _"] | None:
    if not _has(read, key):
        return None
    # A sample that cannot be read has no visible joint; zeros keep it from being told twice.
    missing = np.zeros(shape)
    return np.stack([missing if isinstance(s, HandposeError) or key not in s else _labelled(s, key) for s in read])


def _labelled(sample: Sample, key: str) -> Float[ndarray, "n _"]:
    """A label, with not-a-number in joints that are not annotated: no check takes these for a hand's."""
    values: ndarray = sample[key].numpy()
    if key == "K" or "annotated" not in sample:
        return values
    return np.where(sample["annotated"].numpy()[:, None], values, np.nan)


def _visible(sample: Sample | HandposeError) -> ndarray:
    if isinstance(sample, HandposeError) or "joints_2d" not in sample:
        return np.zeros(N_JOINTS, bool)
    seen: ndarray = (sample["annotated"] & sample["visible"]).numpy()
    return seen


def _scalar(sample: Sample | HandposeError, key: str) -> int:
    return NO_SIDE if isinstance(sample, HandposeError) or key not in sample else int(sample[key])


def _pictures(row: int, sample: Sample, labels: Labels) -> Pictures:
    image = (sample["image"] * 255).round().byte().permute(1, 2, 0).numpy()
    pixels = np.zeros((N_JOINTS, 2)) if labels.joints_2d is None else labels.joints_2d[row]
    mask = sample["mask"][0].numpy() if "mask" in sample else None
    return Pictures(row, image, pixels, labels.visible[row], mask, depth=_depth(sample))


def _depth(sample: Sample) -> DepthPicture | None:
    """The depth map, which the reader has decoded, as bytes again: the check of their order finds it as it is."""
    if not {"depth", "joints_2d", "joints_3d"} <= sample.keys():
        return None
    rgb = encode_depth(sample["depth"][0].numpy())
    return DepthPicture(rgb, decode_depth, sample["joints_2d"].numpy(), sample["joints_3d"][:, 2].numpy())
