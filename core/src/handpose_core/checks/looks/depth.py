"""Does the depth image lie on the joints, and are its bytes in the layout's order?

A joint lies under the skin that the camera sees: its depth is a little larger than the depth image's there.
"""

from itertools import permutations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from handpose_core.checks.part import DepthPicture, Part, Pictures
from handpose_core.checks.verdict import Verdict, ok, skipped, wrong

_UNDER_SKIN_MM = (-15.0, 50.0)
"""How far a joint may lie behind the measured surface: 0 to 30 mm, with room for coarse labels and noise."""
_SHARE = 0.5
_CHANNELS = "RGB"
_KNOWN: dict[tuple[int, ...], str] = {
    (0, 1, 2): "as stored",
    (2, 1, 0): "B and R are swapped",
    (1, 0, 2): "high and low byte (R and G) are swapped",
}
_ORDERS = list(dict.fromkeys([*_KNOWN, *permutations(range(3))]))
_TIE = 0.1
"""Orders that differ less are told apart by which is likelier: the low byte matters little."""


def depth_fits(part: Part) -> Verdict:
    """Share of visible joints just under the surface, as stored and with the colour channels permuted."""
    pictures = [(picture, picture.depth) for picture in part.pictures if picture.depth is not None]
    if not pictures:
        return skipped("no depth image of a label to look at")
    if part.labels is not None and part.labels.unit_factor != 1:
        return skipped("the joints' unit must be put right first")
    under = [np.concatenate([_under_skin(p, depth, order) for p, depth in pictures]) for order in _ORDERS]
    shares = [float(np.mean(_fits(values))) if len(values) else 0.0 for values in under]
    best = int(np.argmax(np.array(shares) >= max(shares) - _TIE))
    if not len(under[0]):
        return skipped("no visible joint lies in a depth image")
    seen = f"{shares[0]:.0%} of {len(under[0])} visible joints lie just under the surface, {np.median(under[0]):.0f} mm"
    looked = f"{seen} in the median ({len(pictures)} depth images looked at)"
    if shares[0] >= _SHARE:
        return ok(looked)
    worst = _worst([picture for picture, _ in pictures], [depth for _, depth in pictures])
    if shares[best] >= _SHARE:
        channels = "".join(_CHANNELS[channel] for channel in _ORDERS[best])
        name = _KNOWN.get(_ORDERS[best], f"channels stand as {channels}")
        return wrong(
            f"{name}: read so, {shares[best]:.0%} of the joints lie just under the surface; as stored, {looked}",
            "Write the depth images again with the channels in the layout's order (cv2 reads and writes BGR).",
            worst,
        )
    return wrong(
        looked,
        "Check that depth and labels belong to the same frame and camera, and the depth's unit.",
        worst,
    )


def _fits(under: Float[ndarray, " n"]) -> ndarray:
    return (under >= _UNDER_SKIN_MM[0]) & (under <= _UNDER_SKIN_MM[1])


def _under_skin(picture: Pictures, depth: DepthPicture, order: tuple[int, ...] = (0, 1, 2)) -> Float[ndarray, " n"]:
    """Mm from the surface to each visible joint in the depth image where it measured something as stored."""
    height, width = depth.rgb.shape[:2]
    u, v = np.rint(np.nan_to_num(depth.pixels, nan=-1)).T
    rows = np.flatnonzero(picture.visible & (u >= 0) & (u < width) & (v >= 0) & (v < height))
    stored = depth.rgb[v[rows].astype(int), u[rows].astype(int)]
    measured = stored.any(-1)
    surface = depth.decode(stored[measured][None, :, list(order)])[0]
    under: Float[ndarray, " n"] = depth.z[rows[measured]] - surface
    return under


def _worst(pictures: list[Pictures], depths: list[DepthPicture]) -> int:
    shares = [
        np.mean(_fits(under)) if len(under := _under_skin(p, d)) else 1.0 for p, d in zip(pictures, depths, strict=True)
    ]
    return pictures[int(np.argmin(shares))].row
