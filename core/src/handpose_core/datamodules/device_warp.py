"""Variations of a whole batch at once, on the device that it is on: what `crops.warp` does to one sample in numpy.

Everything has two leading axes here: variations, and the images that one variation is of (a clip's frames, else one).
Coordinates are multiplied element by element: a GPU may round matrix products to 10 bits, which is a fifth of a pixel.
"""

from math import ceil

import torch
from jaxtyping import Float
from torch import Tensor

from handpose_core.datasets.sample import Sample
from handpose_core.hand import Side

IMAGES = frozenset({"image", "depth", "mask"})
"""What `warp_images` does."""
LABELS = frozenset({"joints_2d", "joints_3d", "vertices", "K", "R", "t", "side"})
"""What `carry_labels` does; a variation leaves all else as it is."""


def carry_labels(labels: Sample, A: Float[Tensor, "n 3 3"], M: Float[Tensor, "n 3 3"]) -> Sample:
    """Labels under the pixel maps ``A`` and the maps ``M`` of the camera frame, by the rules of `crops.warp`.

    Args:
        labels: Any of `LABELS`; each is (n, images, ...).
        A: Of pixels.
        M: Of camera-frame points.
    """
    A, M = A[:, None], M[:, None]
    mirrored = M[..., 0, 0] * M[..., 1, 1] < M[..., 0, 1] * M[..., 1, 0]  # of negative determinant
    carried = dict(labels)
    if "joints_2d" in labels:
        carried["joints_2d"] = _mapped(A[..., :2, :2], labels["joints_2d"]) + A[..., None, :2, 2]
    for points in labels.keys() & {"joints_3d", "vertices"}:
        carried[points] = _mapped(M, labels[points])
    if "K" in labels:
        carried["K"] = _product(_product(A, labels["K"]), M.mT)
    if "R" in labels:  # a mirrored camera sees a mirrored world
        x = torch.where(mirrored, -1.0, 1.0)
        carried["R"] = _product(M, labels["R"]) * torch.stack([x, x.abs(), x.abs()], dim=-1)[..., None, :]
    if "t" in labels:
        carried["t"] = _mapped(M, labels["t"][..., None, :])[..., 0, :]
    if "side" in labels:
        carried["side"] = torch.where(mirrored, sum(Side) - labels["side"], labels["side"])
    return carried


def _mapped(matrix: Float[Tensor, "n #f i j"], points: Float[Tensor, "n f p j"]) -> Float[Tensor, "n f p i"]:
    return (matrix[..., None, :, :] * points[..., None, :]).sum(-1)


def _product(left: Float[Tensor, "n #f 3 3"], right: Float[Tensor, "n #f 3 3"]) -> Float[Tensor, "n f 3 3"]:
    return (left[..., None] * right[..., None, :, :]).sum(-2)


def warp_images(images: Sample, back: Float[Tensor, "n 3 3"], size: int) -> Sample:
    """``image``, ``depth`` and ``mask`` as ``size`` x ``size`` px, with colours in [0, 1].

    Colours by linear interpolation, depth and mask by the nearest pixel; black and 0 outside.

    Args:
        images: (n, images, channels, h, w) each; colours of bytes.
        back: Maps of the new images' pixels to the ones they come from.
        size: Side of the new images.
    """
    from kornia.geometry.transform import remap  # here, because importing it takes most of a second

    steps = torch.arange(size, device=back.device, dtype=back.dtype)
    u, v, rows = steps, steps[:, None], back[:, :2, :, None, None]
    x, y = (rows[:, i, 0] * u + rows[:, i, 1] * v + rows[:, i, 2] for i in range(2))

    def sampled(image: Tensor, mode: str) -> Tensor:
        flat = remap(image.flatten(1, 2), x, y, mode=mode, align_corners=True)  # which keeps pixels where they are
        return flat.unflatten(1, image.shape[1:3])

    warped = {"image": sampled(images["image"].float().div_(255), "bilinear")}
    if "depth" in images:
        warped["depth"] = sampled(images["depth"], "nearest")
    if "mask" in images:
        warped["mask"] = sampled(images["mask"].float(), "nearest") > 0.5
    return warped


def vary_colours(
    image: Float[Tensor, "n f 3 h w"], colours: Float[Tensor, "n 3 4"], luma: Float[Tensor, "3"]
) -> Float[Tensor, "n f 3 h w"]:
    """Colours in [0, 1] under affine maps, the last column of which counts times the images' mean luma."""
    mean = (image.mean((1, 3, 4)) * luma).sum(-1)
    offset = (colours[..., 3] * mean[:, None])[:, None, :, None, None]
    return (torch.einsum("nij,nfjhw->nfihw", colours[..., :3], image) + offset).clamp_(0, 1)


def blur(image: Float[Tensor, "n f 3 h w"], sigma: Float[Tensor, "n"], largest: float) -> Float[Tensor, "n f 3 h w"]:
    """Gaussian blur by a standard deviation (px) of each variation's own, of which ``largest`` is the largest."""
    from kornia.filters import filter2d_separable, get_gaussian_kernel1d

    # kornia's gaussian_blur2d would fetch the deviations from the device, and wait for it, to see that none is 0.
    reach = min(ceil(3 * largest), image.shape[-1] - 1)  # an image mirrored at its edge goes no further
    kernel = get_gaussian_kernel1d(2 * reach + 1, sigma.clamp_min(1e-3)[:, None])
    flat = filter2d_separable(image.flatten(1, 2), kernel, kernel)
    return flat.unflatten(1, image.shape[1:3])
