"""Kinds of pixels and colour, against values known from how the file was put together."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from ldznet.images import read_image

EXIF_ORIENTATION = 0x0112
SIDE = 16
RAMP = np.tile(np.linspace(0, 1, SIDE), (SIDE, 1))
COLOURS = np.stack([RAMP, 1 - RAMP, RAMP.T], axis=-1)  # (16, 16, 3) in [0, 1]
# Columns: where the primaries lie, in CIE XYZ under D50 (published with each standard).
DISPLAY_P3 = [
    [0.51512, 0.29198, 0.15710],
    [0.24120, 0.69225, 0.06657],
    [-0.00105, 0.04189, 0.78407],
]
SRGB = [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
GAMMA = 2.2


def tiff(array, photometric, kind=1, extra=None):
    """An uncompressed TIFF's bytes. Sample format 1 is unsigned, 2 signed, 3 floating point."""
    height, width = array.shape[:2]
    channels = array.shape[2] if array.ndim == 3 else 1
    data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    tags = {
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [array.dtype.itemsize * 8] * channels),
        259: ("H", [1]),
        262: ("H", [photometric]),
        273: ("I", [0]),  # where the data begin, known below
        277: ("H", [channels]),
        278: ("I", [height]),
        279: ("I", [len(data)]),
        339: ("H", [kind] * channels),
    }
    if extra is not None:
        tags[338] = ("H", [extra])
    values = {tag: struct.pack(f"<{len(v)}{letter}", *v) for tag, (letter, v) in tags.items()}
    start = 8 + 2 + 12 * len(tags) + 4
    values[273] = struct.pack("<I", start + sum(len(v) for v in values.values() if len(v) > 4))
    entries = behind = b""
    for tag, value in sorted(values.items()):
        letter, numbers = tags[tag]
        where = value.ljust(4, b"\0")
        if len(value) > 4:
            where = struct.pack("<I", start + len(behind))
            behind += value
        entries += struct.pack("<HHI", tag, {"H": 3, "I": 4}[letter], len(numbers)) + where
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    return head + entries + struct.pack("<I", 0) + behind + data


def matrix_profile(columns, gamma):
    """The bytes of an ICC profile of an RGB space with these primaries and this gamma."""

    def xyz(x, y, z):
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in (x, y, z)))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    name = b"wide"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + bytes(1 + 78)
    description += bytes(-len(description) % 4)
    white = (0.9642, 1.0, 0.8249)
    tags = {b"desc": description, b"wtpt": xyz(*white)}
    for letter, column in zip((b"r", b"g", b"b"), np.transpose(columns), strict=True):
        tags |= {letter + b"XYZ": xyz(*column), letter + b"TRC": curve}
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for tag, data in tags.items():
        table += tag + struct.pack(">II", offset + len(body), len(data))
        body += data
    header = struct.pack(">I4xI", offset + len(body), 0x02400000) + b"mntrRGB XYZ "
    header += bytes(12) + b"acsp" + bytes(28) + xyz(*white)[8:]
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def expect(source, shares, levels=1.0):
    """The picture must show these shares of full brightness, (H, W) or (H, W, 3)."""
    shares = np.broadcast_to(shares if np.ndim(shares) == 3 else shares[..., None], COLOURS.shape)
    found = np.asarray(read_image(source), float)
    assert found.shape == shares.shape
    assert np.abs(found - 255 * shares).max() <= levels


@pytest.mark.parametrize(
    ("array", "options", "shares"),
    [
        ((RAMP * 255).astype("u1"), {"photometric": 1}, RAMP),
        ((RAMP * 255).astype("u1"), {"photometric": 0}, 1 - RAMP),  # black is the highest level
        ((RAMP * 65535).astype("u2"), {"photometric": 1}, RAMP),
        ((RAMP * 65535).astype("i4"), {"photometric": 1, "kind": 2}, RAMP),
        (RAMP.astype("f4"), {"photometric": 1, "kind": 3}, RAMP),
        ((RAMP * 255).astype("f4"), {"photometric": 1, "kind": 3}, RAMP),
        ((RAMP * 65535).astype("f4"), {"photometric": 1, "kind": 3}, RAMP),
        ((COLOURS * 65535).astype("u2"), {"photometric": 2}, COLOURS),
    ],
)
def test_tiffs_of_every_depth(array, options, shares):
    expect(tiff(array, **options), shares)


def test_floats_that_are_no_number_are_black():
    holes = RAMP.astype("f4")
    holes[3, 4:7] = np.nan, np.inf, -1
    shares = RAMP.copy()
    shares[3, 4:7] = 0
    expect(tiff(holes, 1, kind=3), shares)


@pytest.mark.parametrize("depth", ["u1", "u2"])
@pytest.mark.parametrize("premultiplied", [False, True])
def test_transparent_tiffs_are_laid_on_white(depth, premultiplied):
    alpha = RAMP[..., None]
    ink = COLOURS * alpha if premultiplied else COLOURS
    levels = np.concatenate([ink, alpha], axis=-1) * np.iinfo(depth).max
    file = tiff(levels.astype(depth), 2, extra=1 if premultiplied else 2)
    expect(file, COLOURS * alpha + 1 - alpha, levels=3)


@pytest.mark.parametrize("depth", ["u1", "u2"])
def test_cmyk_tiffs(depth):
    ink = np.concatenate([1 - COLOURS, np.zeros((SIDE, SIDE, 1))], axis=-1)
    expect(tiff((ink * np.iinfo(depth).max).astype(depth), 5), COLOURS, levels=2)


def test_cmyk_jpegs_of_either_sign():
    """Adobe's programs store ink the other way round and say so in a marker of their own."""
    inks = Image.new("CMYK", (SIDE, SIDE), (0, 255, 255, 0))  # red
    red = np.broadcast_to([1.0, 0, 0], COLOURS.shape)
    adobe = encoded(inks, "JPEG", quality=95)
    assert b"Adobe" in adobe
    expect(adobe, red, levels=2)
    cyan = encoded(Image.new("CMYK", (SIDE, SIDE), (255, 0, 0, 255)), "JPEG", quality=95)
    marker = cyan.index(b"\xff\xee")
    length = 2 + struct.unpack(">H", cyan[marker + 2 : marker + 4])[0]
    plain = cyan[:marker] + cyan[marker + length :]  # now 0, 255, 255, 0 as stored
    assert b"Adobe" not in plain
    expect(plain, red, levels=2)


def test_ycbcr_jpegs():
    green = encoded(Image.new("RGB", (SIDE, SIDE), (0, 200, 0)), "JPEG", quality=95)
    expect(green, np.broadcast_to([0, 200 / 255, 0], COLOURS.shape), levels=2)


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBA", "RGBa", "RGBX", "HSV", "LAB", "CMYK"])
def test_pillow_images_of_every_mode_are_read(mode):
    assert read_image(Image.new(mode, (SIDE, SIDE))).mode == "RGB"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_orientation_is_applied_once_in_every_format(kind, orientation):
    shown = np.zeros((24, 40, 3), np.uint8)
    shown[:12, :20], shown[12:, :20], shown[:12, 20:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    stored = {
        1: shown,
        2: shown[:, ::-1],
        3: shown[::-1, ::-1],
        4: shown[::-1],
        5: shown.swapaxes(0, 1),
        6: np.rot90(shown),
        7: shown[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(shown, -1),
    }[orientation]
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    file = encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif, **options)
    assert np.array_equal(read_image(file), shown)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_several_frames_the_first_is_read(kind):
    frames = [Image.new("RGB", (SIDE, SIDE), colour) for colour in ("white", "black", "red")]
    options = {"lossless": True} if kind == "WEBP" else {}
    file = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    expect(file, np.ones(COLOURS.shape), levels=0)


def test_wide_colours_are_brought_to_srgb():
    muted = 0.4 + 0.3 * COLOURS
    linear = muted**GAMMA
    there = linear @ np.transpose(DISPLAY_P3) @ np.linalg.inv(np.transpose(SRGB))
    assert 0.05 < there.min() < there.max() < 1
    shares = np.where(there <= 0.0031308, 12.92 * there, 1.055 * there ** (1 / 2.4) - 0.055)
    stored = Image.fromarray((muted * 255).round().astype(np.uint8))
    profile = matrix_profile(DISPLAY_P3, GAMMA)
    expect(encoded(stored, icc_profile=profile), shares, levels=2)
    assert np.abs(np.asarray(stored) - 255 * shares).max() > 8  # so wrong it would have been
    opaque = stored.convert("RGBA")
    assert np.array_equal(
        read_image(encoded(opaque, icc_profile=profile)),
        read_image(encoded(stored, icc_profile=profile)),
    )


@pytest.mark.parametrize("profile", ["srgb", "damaged", "of CMYK"])
def test_a_profile_of_no_use_changes_nothing(profile, picture):
    data = {
        "srgb": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        "damaged": b"nonsense",
        "of CMYK": matrix_profile(DISPLAY_P3, GAMMA).replace(b"RGB ", b"CMYK", 1),
    }[profile]
    file = encoded(Image.fromarray(picture), icc_profile=data)
    assert np.array_equal(read_image(file), picture)
