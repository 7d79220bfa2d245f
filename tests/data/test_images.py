"""One image from bytes to pixels: every mode and orientation, and whatever is no image."""

import contextlib
import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from zerosum.data.images import MOST_PIXELS, decode, opaque


def stored(image, ending="png", **options):
    out = io.BytesIO()
    image.save(out, {"jpg": "jpeg", "tif": "tiff"}.get(ending, ending), **options)
    return out.getvalue()


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(("mode", "shape"), [("L", (5, 7)), ("LA", (5, 7, 2)), ("RGB", (5, 7, 3)), ("RGBA", (5, 7, 4))])
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_eight_bits_stay_as_they_are(mode, shape, ending):
    x = noise(*shape)
    image = decode(stored(Image.fromarray(x, mode) if mode != "LA" else Image.merge("LA", channels(x)), ending))
    assert image.mode == mode
    assert image.pixels.dtype == np.uint8
    assert (image.pixels == x.reshape(5, 7, -1)).all()
    assert (image.turned, image.animated, image.stretched) == (False, False, False)


def channels(x):
    return [Image.fromarray(np.ascontiguousarray(x[..., c])) for c in range(x.shape[2])]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_one_bit_is_black_or_white():
    x = noise(5, 7) > 127
    image = decode(stored(Image.fromarray(x)))
    assert image.mode == "1"
    assert (image.pixels[..., 0] == np.where(x, 255, 0)).all()


@pytest.mark.parametrize(("ending", "mode"), [("png", "I;16"), ("tif", "I;16"), ("pgm", "I")])
def test_sixteen_bits_keep_their_order_and_their_ends(ending, mode):
    x = np.linspace(0, 65535, 300).round().astype(np.uint16).reshape(1, -1)
    image = decode(stored(Image.fromarray(x), {"pgm": "ppm"}.get(ending, ending)))
    assert image.mode == mode
    assert not image.stretched
    assert (image.pixels[..., 0] == np.rint(x / 257)).all()
    assert (np.diff(image.pixels[0, :, 0].astype(int)) >= 0).all()


def test_sixteen_bits_do_not_hang_on_the_image():
    """A dark one stays dark beside a light one."""
    dark = np.arange(2570, dtype=np.uint16).reshape(10, -1)
    assert decode(stored(Image.fromarray(dark))).pixels.max() == 10


@pytest.mark.parametrize(
    ("values", "first", "last", "stretched"),
    [
        (np.linspace(0, 1, 9, dtype=np.float32), 0, 255, False),
        (np.linspace(0.2, 0.6, 9, dtype=np.float32), 51, 153, False),
        (np.linspace(-3, 4000, 9, dtype=np.float32), 0, 255, True),
        (np.full(9, 7, np.float32), 0, 0, True),
        (np.linspace(0, 65535, 9).astype(np.int32), 0, 255, False),
        (np.linspace(-5, 90000, 9).astype(np.int32), 0, 255, True),
    ],
)
def test_floats_and_long_integers(values, first, last, stretched):
    image = decode(stored(Image.fromarray(values.reshape(1, -1)), "tif"))
    assert image.mode == ("F" if values.dtype.kind == "f" else "I")
    assert image.stretched == stretched
    assert (image.pixels[0, 0, 0], image.pixels[0, -1, 0]) == (first, last)
    assert (np.diff(image.pixels[0, :, 0].astype(int)) >= 0).all()


def test_a_float_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="it has values that are not finite"):
        decode(stored(Image.fromarray(np.array([[0, np.nan]], np.float32)), "tif"))


def test_a_palette_becomes_colour_and_keeps_what_is_clear():
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    assert decode(stored(image)).pixels[0].tolist() == [[255, 0, 0], [0, 0, 255]]
    clear = decode(stored(image, transparency=1))
    assert clear.mode == "P"
    assert clear.pixels[0].tolist() == [[255, 0, 0, 255], [0, 0, 255, 0]]
    some = decode(stored(image, transparency=bytes([128, 7])))
    assert some.pixels[0].tolist() == [[255, 0, 0, 128], [0, 0, 255, 7]]


def test_one_clear_colour():
    grey = decode(stored(Image.fromarray(np.array([[3, 4]], np.uint8)), transparency=4))
    assert grey.pixels[0].tolist() == [[3, 255], [4, 0]]
    colour = decode(stored(Image.new("RGB", (1, 1), (1, 2, 3)), transparency=(1, 2, 3)))
    assert colour.pixels[0].tolist() == [[1, 2, 3, 0]]


@pytest.mark.parametrize("ending", ["tif", "jpg"])
def test_cmyk_becomes_colour(ending):
    """Full cyan leaves no red; full black leaves nothing."""
    ink = np.zeros((16, 48, 4), np.uint8)
    ink[:, :16, 0] = 255
    ink[:, 16:32, 3] = 255
    options = {"quality": 100, "subsampling": 0} if ending == "jpg" else {}
    image = decode(stored(Image.fromarray(ink, "CMYK"), ending, **options))
    assert image.mode == "CMYK"
    wanted = np.array([[0, 255, 255], [0, 0, 0], [255, 255, 255]])
    assert np.abs(image.pixels[8, [8, 24, 40]].astype(int) - wanted).max() <= 2


@pytest.mark.parametrize("mode", ["YCbCr", "LAB"])
def test_other_spaces_become_colour(mode):
    image = decode(
        stored(Image.new("RGB", (4, 4), (200, 30, 90)).convert("YCbCr") if mode == "YCbCr" else lab(), "tif")
    )
    assert image.mode == mode
    assert image.pixels.shape == (4, 4, 3)


def lab():
    return Image.merge("LAB", [Image.new("L", (4, 4), value) for value in (128, 0, 0)])


@pytest.mark.parametrize("ending", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_as_its_orientation_says(ending, orientation):
    x = Image.fromarray(noise(5, 7, 3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = stored(x, ending, exif=exif, **({"lossless": True} if ending == "webp" else {}))
    image = decode(data)
    assert image.turned == (orientation != 1)
    shown = x.copy()
    shown.getexif()[0x0112] = orientation
    assert (image.pixels == np.asarray(ImageOps.exif_transpose(shown))).all()
    assert image.pixels.shape == ((5, 7, 3) if orientation < 5 else (7, 5, 3))


def test_sixteen_bits_are_turned_too():
    exif = Image.Exif()
    exif[0x0112] = 6
    x = np.arange(6, dtype=np.uint16).reshape(2, 3) * 257
    assert (decode(stored(Image.fromarray(x), exif=exif)).pixels[..., 0] == np.rot90(x // 257, -1)).all()


@pytest.mark.parametrize("orientation", [0, 9, 700])
def test_an_orientation_that_is_none_turns_nothing(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    x = noise(5, 7)
    image = decode(stored(Image.fromarray(x), exif=exif))
    assert (image.pixels[..., 0] == x).all()
    assert not image.turned


@pytest.mark.parametrize("ending", ["gif", "webp", "png", "tif"])
def test_of_several_frames_the_first_is_taken(ending):
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if ending == "webp" else {}
    image = decode(stored(frames[0], ending, save_all=True, append_images=frames[1:], **options))
    assert image.animated
    assert (opaque(image.pixels) == [255, 0, 0]).all()


def test_what_is_clear_is_laid_on_white():
    x = np.array([[[10, 255], [10, 0], [10, 128]]], np.uint8)
    assert opaque(x)[0, :, 0].tolist() == [10, 255, round((10 * 128 + 255 * 127) / 255)]
    solid = noise(4, 4, 4)
    solid[..., 3] = 255
    assert (opaque(solid) == solid[..., :3]).all()


@pytest.mark.fault
@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "webp", "tif", "bmp"])
def test_a_file_cut_short_is_refused(ending):
    data = stored(Image.fromarray(noise(64, 64, 3)), ending)
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(ValueError, match=r"\w"):
            decode(data[: int(len(data) * share)])


@pytest.mark.fault
@pytest.mark.filterwarnings("ignore")
def test_damaged_bytes_never_raise_anything_else():
    """Fifty flips in each of three formats end in pixels or in a ValueError."""
    random = np.random.default_rng(0)
    for ending in ("png", "jpg", "tif"):
        whole = np.frombuffer(stored(Image.fromarray(noise(16, 16, 3)), ending), np.uint8)
        for _ in range(50):
            data = whole.copy()
            data[random.integers(len(data), size=3)] = random.integers(0, 256, 3)
            with contextlib.suppress(ValueError):
                assert decode(data.tobytes()).pixels.dtype == np.uint8


@pytest.mark.fault
@pytest.mark.parametrize(
    ("data", "cause"),
    [(b"", "it is empty"), (b"a text that is called an image", "it is in no format of images that can be read")],
)
def test_what_is_no_image(data, cause):
    with pytest.raises(ValueError, match=cause):
        decode(data)


@pytest.mark.fault
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("side", [9_460, 13_000, 100_000])
def test_a_bomb_is_refused_by_its_header(side):
    """Just above the limit, above Pillow's warning, and above Pillow's own refusal."""
    assert side**2 > MOST_PIXELS
    with pytest.raises(ValueError, match=r"decompression bomb: its header claims .* pixels, more than 89,478,485"):
        decode(bomb(side))


def bomb(side):
    import struct
    import zlib

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"few") + chunk(b"IEND", b"")


def test_no_format_that_needs_another_program():
    """PostScript would be given to Ghostscript."""
    with pytest.raises(ValueError, match="no format of images"):
        decode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
