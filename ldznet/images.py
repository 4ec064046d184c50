"""Pictures: read from any common kind of file as plain RGB, and as the pixels that models read."""

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops, ImageCms, ImageOps

if TYPE_CHECKING:
    from torch import Tensor

MAX_PIXELS = 40_000_000
MIN_SIDE = 8  # pixels: less holds no object
MAX_ASPECT = 16  # longer side over shorter: more is a line once brought to the working size
# Formats that pictures come in; Pillow's others include ones that run programs (EPS).
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")
NAMES = "PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF"


def read_image(source: str | Path | bytes | Image.Image | np.ndarray) -> Image.Image:
    """The picture as an upright 8-bit RGB image.

    `source` is a path, a file's bytes, a Pillow image, or an array (H, W), (H, W, 3) or (H, W, 4)
    of uint8. EXIF orientation is applied, transparency is laid on white, 16-bit and float grey are
    scaled to 8 bits, an embedded colour profile is applied, and an animation gives its first frame.

    Raises ValueError for anything else, for more than 40 megapixels (read from the header, before
    decoding), a side under 8 pixels, or a side more than 16 times the other.
    """
    image = _open(source)
    _check_size(*image.size)
    try:
        return _to_rgb(ImageOps.exif_transpose(_plain_ink(image)))
    except Exception as error:  # each of Pillow's decoders has its own
        raise ValueError("The image is damaged and cannot be decoded; save it again.") from error


def _open(source: str | Path | bytes | Image.Image | np.ndarray) -> Image.Image:
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, bytes):
        if not source:
            raise ValueError("The image file is empty (0 bytes); choose another.")
        return _open_file(io.BytesIO(source))
    try:
        return _open(Path(source).read_bytes())
    except OSError as error:
        raise ValueError(
            f"The image '{Path(source).name or source}' cannot be opened: {error.strerror}."
        ) from error


def _open_file(file: io.BytesIO) -> Image.Image:
    try:
        with warnings.catch_warnings():  # of what `_check_size` refuses
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except Exception as error:  # a damaged header fails in the format's own way
        raise ValueError(f"This file is not an image we can read; use {NAMES}.") from error


def _from_array(array: np.ndarray) -> Image.Image:
    grey, colour = array.ndim == 2, array.ndim == 3 and array.shape[-1] in (3, 4)
    if array.dtype != np.uint8 or not (grey or colour):
        raise ValueError(
            "An image array must be uint8 of shape (H, W), (H, W, 3) or (H, W, 4); "
            f"got {array.dtype} {array.shape}."
        )
    return Image.fromarray(array)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _too_large()
    short, long = sorted((width, height))
    if short < MIN_SIDE:
        raise ValueError(
            f"The image is {width} x {height} pixels, too small to hold anything; "
            f"both sides need at least {MIN_SIDE}."
        )
    if long > MAX_ASPECT * short:
        raise ValueError(
            f"The image is {width} x {height} pixels, too narrow; crop it so that one side is at "
            f"most {MAX_ASPECT} times the other."
        )


def _too_large() -> ValueError:
    return ValueError(
        f"The image has more than {MAX_PIXELS // 1_000_000} megapixels; make it smaller."
    )


def _plain_ink(image: Image.Image) -> Image.Image:
    """Pillow turns the ink of every CMYK JPEG round; only Adobe's, which say so, store it so."""
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        return ImageChops.invert(image)
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I"):
        return _from_levels(np.asarray(image))
    if image.mode == "La":  # grey times its alpha, which converts to no other mode
        image = image.convert("LA")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        flat = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
        return _to_srgb(flat, image.info.get("icc_profile"))
    return _to_srgb(image, image.info.get("icc_profile"))


def _from_levels(levels: np.ndarray) -> Image.Image:
    """Grey of more than 8 bits: 16, or floats up to 1, to 255 or to 65535; nothing is black."""
    white = 65535
    if levels.dtype.kind == "f":
        levels = np.nan_to_num(levels, nan=0, posinf=0, neginf=0)
        white = next((top for top in (1, 255) if levels.max() <= top), white)
    return Image.fromarray(
        np.round(levels.clip(0, white) * (255 / white)).astype(np.uint8)
    ).convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The colours as sRGB, where the file says in which other space they are (Display P3, CMYK)."""
    if profile:
        try:
            space = ImageCms.getOpenProfile(io.BytesIO(profile))
            # From sRGB to itself they would only be rounded.
            if "sRGB" not in ImageCms.getProfileDescription(space):
                srgb = ImageCms.createProfile("sRGB")
                converted = ImageCms.profileToProfile(image, space, srgb, outputMode="RGB")
                return converted or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a damaged profile, or one of another kind of picture: the colours as they are
    return image.convert("RGB")


def limit_pillow() -> None:
    """Let Pillow itself refuse more than 40 megapixels, wherever a picture enters the process.

    For a process that serves strangers, whose uploads other libraries open before `read_image`.
    """
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # it warns of more, and refuses twice as many
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def to_pixels(pictures: np.ndarray) -> "Tensor":
    """(B, H, W, 3) uint8 -> (B, 3, H, W) float32 in [-1, 1]."""
    import torch  # takes seconds, which whoever only reads a file need not wait for

    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_pictures(pixels: "Tensor") -> np.ndarray:
    """(B, 3, H, W) in [-1, 1] -> (B, H, W, 3) uint8."""
    scaled = (pixels.float().clamp(-1, 1) + 1) * 127.5
    return scaled.round().byte().permute(0, 2, 3, 1).cpu().numpy()
