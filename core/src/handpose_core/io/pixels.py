"""Convert pictures in memory, as other libraries hold them, to 8-bit RGB."""

import sys
from typing import Any

import numpy as np
from jaxtyping import Num, Shaped, UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError

_BACKDROP = 255  # the colour behind transparent pixels, as on most pages
_EXPECTED = (
    "RGB pixels (h, w, 3) of 8 bits: an array, a PIL image or a torch tensor; also grey or RGBA, (3, h, w), of 16 "
    "bits, or floats in [0, 1] or [0, 255]"
)
_OVERSHOOT = 0.1  # of the range: interpolation reaches beyond it
_DARKEST = 8.0  # floats whose largest is between [0, 1] and this are neither sort
_DARKEST_16 = 4095  # integers whose largest is between 255 and this are of 9 to 12 bits
_CHANNELS = (1, 3, 4)


def to_rgb(picture: object, where: str = "picture") -> UInt8[ndarray, "h w 3"]:
    """Convert a picture to 8-bit RGB; an array that is 8-bit RGB is returned as it is.

    Channels are last, or first where they cannot be last; one is grey, three are RGB, and four RGBA, laid on white. A
    batch of a single picture is that picture. Integers above 4095 are of 16 bits; floats up to 1 are in [0, 1], others
    in [0, 255]. BGR, as OpenCV reads it, cannot be told from RGB: convert it first.

    Args:
        picture: A numpy array, anything that numpy takes for one, a PIL image (turned as its EXIF data say), or a torch
            tensor on any device.
        where: The picture's name, for messages.

    Returns:
        Contiguous RGB pixels.

    Raises:
        HandposeError: It is something else, is empty, or holds numbers of no such range.
    """
    pixels = _channels_last(*_array(picture, where), where)
    if pixels.dtype != np.uint8:
        pixels = _eight_bits(pixels, where)
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    elif pixels.shape[2] == 4:
        pixels = laid_on_white(pixels[..., :3], pixels[..., 3:])
    return np.ascontiguousarray(pixels)


def laid_on_white(colours: UInt8[ndarray, "h w 3"], alpha: Num[ndarray, "h w 1"]) -> UInt8[ndarray, "h w 3"]:
    """Lay a transparent picture on white.

    Args:
        colours: RGB or BGR, not multiplied by alpha.
        alpha: Opacity, unsigned integers, the largest opaque.

    Returns:
        Opaque colours.
    """
    share = alpha.astype(np.float32) / np.iinfo(alpha.dtype).max
    laid: UInt8[ndarray, "h w 3"] = np.rint(colours * share + _BACKDROP * (1 - share)).astype(np.uint8)
    return laid


def _array(picture: object, where: str) -> tuple[ndarray, bool]:
    """The picture as an array of numbers, and whether its channels are rather first, as torch has them."""
    if picture is None:
        raise _refusal(where, "None", "cv2.imread gives None where it cannot read a file: check the path.")
    if isinstance(picture, bytes | bytearray | memoryview):
        fix = "Save them as a file, or decode them: PIL.Image.open(io.BytesIO(data))."
        raise _refusal(where, f"{len(picture)} bytes", fix)
    several = isinstance(picture, list | tuple | set) or hasattr(picture, "__next__")
    tensor, image = _is_tensor(picture), _is_pil(picture)
    if several or not (tensor or image or hasattr(picture, "__array__")):
        fix = "Give one picture a call: [model(picture) for picture in pictures]." if several else "Convert it first."
        raise _refusal(where, f"a {type(picture).__name__}", fix)
    try:
        array = _from_tensor(picture) if tensor else _from_pil(picture) if image else np.asarray(picture)
    except Exception as error:  # each library has its own: a closed or cut image, a tensor without memory
        fix = "Convert it to an array of 8-bit RGB first."
        raise _refusal(where, f"a {type(picture).__name__} that cannot be read ({error})", fix) from error
    if array.dtype.kind not in "biuf":
        raise _refusal(where, f"an array of {array.dtype}", "Convert it to 8-bit RGB.")
    return array, tensor


def _is_tensor(picture: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(picture, torch.Tensor)


def _is_pil(picture: object) -> bool:
    image = sys.modules.get("PIL.Image")
    return image is not None and isinstance(picture, image.Image)


def _from_tensor(picture: Any) -> ndarray:
    tensor = picture.detach().cpu()
    # numpy has no bfloat16
    array: ndarray = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    return array


def _from_pil(picture: Any) -> ndarray:
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(picture)
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
    elif upright.mode not in ("L", "RGB", "F", "I") and not upright.mode.startswith("I;16"):
        upright = upright.convert("RGB")
    return np.asarray(upright)


def _channels_last(array: ndarray, channels_first: bool, where: str) -> Shaped[ndarray, "h w c"]:
    given = array.shape
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim == 3:
        first, last = array.shape[0] in _CHANNELS, array.shape[2] in _CHANNELS
        if first and (channels_first or not last):
            array, last = array.transpose(1, 2, 0), True
        if last and array.size:
            return array
    fix = "Give one picture a call." if array.ndim == 4 else "Convert it to 8-bit RGB."
    raise _refusal(where, f"an array of shape {given}", fix)


def _eight_bits(pixels: Shaped[ndarray, "h w c"], where: str) -> UInt8[ndarray, "h w c"]:
    """Scale numbers of any type to 0 .. 255."""
    if pixels.dtype == bool:
        return pixels * np.uint8(255)
    low, high = float(pixels.min()), float(pixels.max())
    found = f"an array of {pixels.dtype} from {low:.4g} to {high:.4g}"
    if pixels.dtype.kind in "iu":
        if low < 0 or high > 65535 or 255 < high <= _DARKEST_16:
            raise _refusal(where, found, "Scale it to 0 .. 255; of 10 or 12 bits it is nearly black.")
        return pixels.astype(np.uint8) if high <= 255 else np.rint(pixels / np.float32(257)).astype(np.uint8)
    if not np.isfinite([low, high]).all():
        raise _refusal(where, f"an array of {pixels.dtype} with NaN or infinity", "Replace these pixels.")
    largest = 1.0 if high <= 1 + _OVERSHOOT else 255.0
    if low < -_OVERSHOOT * largest or high > (1 + _OVERSHOOT) * largest or 1 + _OVERSHOOT < high < _DARKEST:
        raise _refusal(where, found, "Undo the normalisation, or scale it to [0, 1].")
    return np.rint(np.clip(pixels.astype(np.float32) / largest, 0, 1) * 255).astype(np.uint8)


def _refusal(where: str, found: str, fix: str) -> HandposeError:
    return HandposeError(where, found, _EXPECTED, fix)
