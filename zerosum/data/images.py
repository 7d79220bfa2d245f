"""One image, from the bytes of its file to pixels of eight bits, by conversions that depend on nothing but the file."""

from __future__ import annotations

import functools
import importlib.metadata
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL
from PIL import Image, UnidentifiedImageError

Pixels = npt.NDArray[np.uint8]

IMAGES = frozenset(
    {
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".gif",
        ".webp",
        ".tif",
        ".tiff",
        ".bmp",
        ".avif",
        ".jp2",
        ".qoi",
        ".tga",
    }
    | {".pbm", ".pgm", ".ppm", ".pnm", ".pfm"}
)
"""Endings of files that are taken for images; what a file is, its content says."""

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM", "QOI", "TGA")
"""Formats that Pillow may decode: none that needs another program."""

MOST_PIXELS = 89_478_485
"""A header that claims more is refused before anything is decoded: a quarter of a GiB in three bytes a pixel."""

_ORIENTATION = 0x0112
_TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: x.swapaxes(0, 1)[:, ::-1],
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: x.swapaxes(0, 1)[::-1],
}
"""From how a camera stored an image to how it is seen, by the value of its orientation."""

_SIDEWAYS = (5, 6, 7, 8)


@dataclass(frozen=True)
class Decoded:
    """An image as it is read.

    Attributes:
        pixels: (H, W, C) uint8: C is 1 for grey, 2 for grey with opacity, 3 for colour, 4 for colour with opacity.
        mode: As Pillow names what the file holds.
        turned: Whether its orientation said to turn or flip it.
        animated: Whether it has more frames, of which the first was taken.
        stretched: Whether its values had no range known beforehand, so that their own least and largest became 0 and
            255.
        size: (width, height) as it is seen, of which ``pixels`` may have less where that is enough.
    """

    pixels: Pixels
    mode: str
    turned: bool = False
    animated: bool = False
    stretched: bool = False
    size: tuple[int, int] = (0, 0)

    @property
    def clear(self) -> bool:
        """Whether something of it can be seen through."""
        return self.pixels.shape[2] in (2, 4) and bool((self.pixels[..., -1] < 255).any())


def decode(data: bytes, enough: tuple[int, int] | None = None) -> Decoded:
    """Pixels of the image in a file.

    One bit and eight bits stay as they are. 16 bits are divided by 257, so that 65535 becomes 255; so are 32-bit
    integers within [0, 65535], and floats within [0, 1] are multiplied by 255. Integers and floats beyond that have no
    range of their own: the least value of the image becomes 0 and the largest 255. A palette becomes colour. Opacity,
    whether of each pixel, of a palette or of one colour, is kept as the last channel. CMYK, YCbCr, HSV and LAB become
    RGB by Pillow's formulas; colour profiles are not applied. An image is turned as its orientation says, and of
    several frames the first is taken.

    Arguments:
        data: The content of the file.
        enough: Height and width, as the image is seen, that are enough of a JPEG: where it has twice as much it is
            decoded at a half, a quarter or an eighth, and by the quicker simplejpeg where that is installed.

    Raises:
        ValueError: It is no image, or not a whole one; the message says why without naming it.
    """
    if not data:
        raise ValueError("it is empty")
    try:
        with Image.open(io.BytesIO(data), formats=_formats()) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(_bomb(f"{image.width}x{image.height}"))
            mode, before = image.mode, _orientation(image)
            size = image.size if before not in _SIDEWAYS else image.size[::-1]
            quick = None
            if enough is not None and image.format == "JPEG" and mode in ("L", "RGB"):
                wanted = enough if before not in _SIDEWAYS else enough[::-1]
                quick = _quickly(data, mode, wanted)
                image.draft(mode, wanted[::-1])
            if quick is None:
                image.load()
                pixels, stretched = _converted(image)
            else:
                pixels, stretched = quick, False
            turn = _TURNS.get(_orientation(image))  # after loading: Pillow has turned a TIFF itself
            if turn is not None:
                pixels = turn(pixels)
            return Decoded(np.ascontiguousarray(pixels), mode, before in _TURNS, _animated(image), stretched, size)
    except UnidentifiedImageError:
        raise ValueError("it is in no format of images that can be read") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(_bomb("too many")) from None
    except Exception as error:  # whatever a decoder stumbles on in a damaged file
        raise ValueError(str(error) or type(error).__name__) from None


@contextmanager
def plainly() -> Iterator[None]:
    """While it lasts, Pillow refuses what it would warn of as a bomb, and says nothing of lesser flaws.

    Around many calls of :func:`decode`, as threads share what is warned of.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def opaque(pixels: Pixels) -> Pixels:
    """Pixels (H, W, C) laid on white where they have opacity: (H, W, 1) or (H, W, 3)."""
    if pixels.shape[2] in (1, 3):
        return pixels
    opacity = pixels[..., -1:].astype(np.uint16)
    return ((pixels[..., :-1] * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)


def decoder() -> str:
    """The decoder of a JPEG that need not be whole: its bits may differ between two of them."""
    quick = _simplejpeg()
    return f"pillow {PIL.__version__}" if quick is None else f"simplejpeg {importlib.metadata.version('simplejpeg')}"


def _quickly(data: bytes, mode: str, enough: tuple[int, int]) -> Pixels | None:
    """A JPEG by simplejpeg, an extra; None where it is not installed, or leaves the verdict to Pillow."""
    quick = _simplejpeg()
    if quick is None:
        return None
    height, width = enough
    try:
        colours = "GRAY" if mode == "L" else "RGB"
        pixels: Pixels = quick.decode_jpeg(data, colours, min_height=height, min_width=width, strict=True)
    except (ValueError, RuntimeError):
        return None
    return pixels


@functools.cache
def _simplejpeg() -> Any:
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg


def _converted(image: Image.Image) -> tuple[Pixels, bool]:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _scaled(np.asarray(image))
    clear = image.has_transparency_data
    if image.mode in ("1", "L", "LA", "La"):
        wanted = "LA" if clear else "L"
    else:
        wanted = "RGBA" if clear else "RGB"
    pixels: Pixels = np.asarray(image if image.mode == wanted else image.convert(wanted))
    return pixels.reshape(*pixels.shape[:2], -1), False


def _scaled(values: npt.NDArray[Any]) -> tuple[Pixels, bool]:
    """More than eight bits as eight, and whether their own range was taken."""
    least, largest = float(values.min()), float(values.max())
    if not np.isfinite(values).all():
        raise ValueError("it has values that are not finite")
    full = 1.0 if values.dtype.kind == "f" else 65535.0
    stretched = least < 0 or largest > full
    low, high = (least, largest) if stretched else (0.0, full)
    scaled = (values.astype(np.float64) - low) * (255 / (high - low) if high > low else 0.0)
    return np.rint(scaled).astype(np.uint8)[..., None], stretched


@functools.cache
def _formats() -> tuple[str, ...]:
    """Those that this Pillow knows."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged remarks of a camera say nothing about the pixels
        return 1


def _animated(image: Image.Image) -> bool:
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # only the first frame has to be whole
        return True


def _bomb(size: str) -> str:
    return f"decompression bomb: its header claims {size} pixels, more than {MOST_PIXELS:,}"
