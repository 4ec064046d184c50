"""`read_image` against Pillow's own readings, and against files that are no use."""

import io
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldznet.images import MAX_ASPECT, MAX_PIXELS, MIN_SIDE, read_image

ROOT = Path(__file__).parents[1]
EXIF_ORIENTATION = 0x0112


@pytest.fixture
def colours(picture):
    return Image.fromarray(picture)


def encode(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width, height, depth=8, colour=2, data=b""):
    """A PNG's bytes from its header on, so that the header may say anything."""

    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def expect_sentence(source, pattern):
    with pytest.raises(ValueError, match=pattern) as caught:
        read_image(source)
    assert re.fullmatch(r"[^\n]+\.", str(caught.value))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
def test_lossless_formats_come_back_exactly(colours, kind):
    saved = colours.quantize(64) if kind == "GIF" else colours
    found = read_image(encode(saved, kind))
    assert found.mode == "RGB"
    assert np.array_equal(found, saved.convert("RGB"))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_come_back_as_pillow_reads_them(colours, kind):
    data = encode(colours, kind)
    found = read_image(data)
    assert np.array_equal(found, Image.open(io.BytesIO(data)).convert("RGB"))
    assert np.abs(np.asarray(found, float) - np.asarray(colours)).mean() < 10


def test_every_kind_of_source_gives_the_same(colours, picture, tmp_path):
    path = tmp_path / "picture.png"
    colours.save(path)
    for source in (path, str(path), path.read_bytes(), colours, picture):
        assert np.array_equal(read_image(source), picture)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda stored: stored),
        (2, lambda stored: stored[:, ::-1]),
        (3, lambda stored: stored[::-1, ::-1]),
        (4, lambda stored: stored[::-1]),
        (5, lambda stored: stored.swapaxes(0, 1)),
        (6, lambda stored: np.rot90(stored, -1)),
        (7, lambda stored: np.rot90(stored, 2).swapaxes(0, 1)),
        (8, lambda stored: np.rot90(stored)),
    ],
)
def test_exif_orientation_is_applied(colours, picture, orientation, upright):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    found = read_image(encode(colours, exif=exif))
    assert np.array_equal(found, upright(picture))
    assert found.getexif().get(EXIF_ORIENTATION, 1) == 1


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_on_white(colours, mode):
    image = colours.convert(mode)
    alpha = np.zeros((48, 80), np.uint8)
    alpha[:, 20:40], alpha[:, 40:] = 128, 255
    image.putalpha(Image.fromarray(alpha))
    found = np.asarray(read_image(encode(image)), float)
    ink = np.asarray(image.convert("RGB"), float)
    share = alpha[..., None] / 255
    assert np.abs(found - (share * ink + (1 - share) * 255)).max() <= 1
    assert (found[:, :20] == 255).all()


def test_a_transparent_palette_and_a_transparent_colour_are_laid_on_white(picture):
    palette = Image.fromarray(picture).quantize(8)
    index = palette.getpixel((0, 0))
    found = np.asarray(read_image(encode(palette, transparency=index)))
    clear = np.asarray(palette) == index
    assert (found[clear] == 255).all()
    assert np.array_equal(found[~clear], np.asarray(palette.convert("RGB"))[~clear])

    colour = tuple(int(level) for level in picture[12, 22])
    found = np.asarray(read_image(encode(Image.fromarray(picture), transparency=colour)))
    assert (found[10:30, 20:40] == 255).all()
    assert np.array_equal(found[:10], picture[:10])


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_palette_and_black_and_white(colours, mode):
    image = colours.convert(mode)
    assert np.array_equal(read_image(encode(image)), image.convert("RGB"))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_shades(kind):
    levels = np.linspace(0, 65535, 64 * 32).round().astype(np.uint16).reshape(32, 64)
    found = np.asarray(read_image(encode(Image.fromarray(levels), kind)))
    assert np.abs(found - levels[..., None] / 65535 * 255).max() <= 0.5


def test_sixteen_bit_colour_keeps_its_shades():
    levels = np.linspace(0, 65535, 16 * 16 * 3).round().astype(">u2").reshape(16, 16, 3)
    rows = b"".join(b"\0" + row.tobytes() for row in levels)
    found = np.asarray(read_image(png(16, 16, depth=16, data=rows)))
    assert np.abs(found - levels / 65535 * 255).max() <= 1


def test_cmyk_is_read_as_colour(colours):
    found = np.asarray(read_image(encode(colours.convert("CMYK"), "JPEG", quality=95)), float)
    assert np.abs(found - np.asarray(colours)).mean() < 10


def test_an_animation_gives_its_first_frame(colours):
    white = Image.new("RGB", colours.size, "white")
    data = encode(white, "GIF", save_all=True, append_images=[colours])
    assert (np.asarray(read_image(data)) == 255).all()


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3), (20, 30, 4)])
def test_arrays_of_every_layout(shape):
    array = np.full(shape, 100, np.uint8)
    found = np.asarray(read_image(array))
    grey = 100 if shape[-1] != 4 else 100 * 100 / 255 + 155
    assert found.shape == (20, 30, 3)
    assert np.abs(found - grey).max() <= 1


@pytest.mark.parametrize(
    "array",
    [np.zeros((20, 30, 3)), np.zeros((20, 30, 2), np.uint8), np.zeros((2, 20, 30, 3), np.uint8)],
)
def test_other_arrays_are_refused(array):
    expect_sentence(array, "must be uint8 of shape")


def test_files_that_are_no_image_are_refused(colours, tmp_path):
    expect_sentence(b"", "empty")
    expect_sentence(b"GIF89a", "not an image we can read")
    expect_sentence(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image we can read")
    expect_sentence(encode(colours, "EPS"), "not an image we can read")
    expect_sentence(tmp_path / "absent.png", "'absent.png' cannot be opened: No such file")
    expect_sentence(tmp_path, "cannot be opened: Is a directory")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF"])
def test_truncated_files_are_refused(kind):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encode(Image.fromarray(noise), kind)
    expect_sentence(data[: len(data) // 2], "damaged|not an image")


def test_a_corrupt_stream_is_refused(colours):
    data = bytearray(encode(colours))
    start = data.index(b"IDAT") + 10
    data[start : start + 40] = bytes(40)
    expect_sentence(bytes(data), "damaged")


@pytest.mark.parametrize("side", [6400, 30_000, 100_000])
def test_too_many_pixels_are_refused_from_the_header(side):
    # The body is missing: decoding, had it begun, would complain of that instead.
    expect_sentence(png(side, side), f"more than {MAX_PIXELS // 10**6} megapixels")


def test_pillow_itself_refuses_what_is_over_the_limit_only_where_it_is_told_to(tmp_path):
    (tmp_path / "large.png").write_bytes(png(6400, 6400))
    program = """
import sys, warnings
from PIL import Image
from ldznet.images import limit_pillow, read_image
def state():
    return Image.MAX_IMAGE_PIXELS, [each for each in warnings.filters if "Bomb" in str(each)]
before = state()
try:
    read_image(sys.argv[1])
except ValueError:
    print(before[1], before == state(), Image.open(sys.argv[1]).size)
limit_pillow()
try:
    Image.open(sys.argv[1])
except Image.DecompressionBombError:
    print("refused")
"""
    command = [sys.executable, "-c", program, tmp_path / "large.png"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("[] True (6400, 6400)\nrefused\n", "")


def test_a_large_picture_within_the_limit_is_read_without_a_word(tmp_path):
    side = int((0.9 * MAX_PIXELS) ** 0.5)
    Image.new("1", (side, side)).save(tmp_path / "large.png")
    program = (
        "import sys; from ldznet.images import read_image; print(read_image(sys.argv[1]).size)"
    )
    command = [sys.executable, "-c", program, tmp_path / "large.png"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == (f"({side}, {side})\n", "")


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (MIN_SIDE - 1, 100)])
def test_too_small_pictures_are_refused(size):
    expect_sentence(encode(Image.new("RGB", size)), f"{size[0]} x {size[1]} pixels, too small")


@pytest.mark.parametrize("flip", [False, True])
def test_too_narrow_pictures_are_refused(flip):
    size = (10, 10 * MAX_ASPECT + 1)
    expect_sentence(Image.new("RGB", size[::-1] if flip else size), "too narrow")
    widest = (10, 10 * MAX_ASPECT)
    assert read_image(Image.new("RGB", widest)).size == widest


def test_the_smallest_picture_is_read():
    assert read_image(Image.new("L", (MIN_SIDE, MIN_SIDE))).size == (MIN_SIDE, MIN_SIDE)
