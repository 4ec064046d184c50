"""Frames against closed forms, and the way there and back of pictures of every aspect."""

import numpy as np
import pytest
import torch
from PIL import Image

from ldznet.pipeline.frame import choose_frame, official_frame, whole_frame

SIZES = [
    *((1600, short) for short in (1600, 1500, 1200, 1067, 900, 800, 640, 533, 400, 267, 200)),
    (500, 333),
    (97, 13),
    (31, 29),
]
SIZES += [(height, width) for width, height in SIZES]


@pytest.mark.parametrize("native", [128, 384, 512])
@pytest.mark.parametrize("size", SIZES)
def test_a_frame_keeps_the_aspect_and_about_the_native_area(native, size):
    frame = choose_frame(*size, native_size=native, multiple=64)
    assert frame.width % 64 == frame.height % 64 == 0
    inner = (frame.inner_width, frame.inner_height)
    scale = min(frame.width / size[0], frame.height / size[1])
    for side, whole in zip(inner, size, strict=True):
        assert abs(side - scale * whole) <= 0.5  # rounding to a pixel is all that may happen
    assert inner[0] == frame.width or inner[1] == frame.height
    assert 0 <= frame.left <= frame.width - inner[0]
    assert 0 <= frame.top <= frame.height - inner[1]
    area = inner[0] * inner[1] / native**2
    assert 0.6 < area < 1.51
    if native > 128:
        assert frame.width * frame.height < 1.3 * native**2  # what the border costs


@pytest.mark.parametrize("size", SIZES)
def test_a_turned_picture_has_the_turned_frame(size):
    frame = choose_frame(*size, native_size=384, multiple=64)
    turned = choose_frame(*size[::-1], native_size=384, multiple=64)
    assert (turned.width, turned.height) == (frame.height, frame.width)
    assert (turned.left, turned.top) == (frame.top, frame.left)
    assert (turned.inner_width, turned.inner_height) == (frame.inner_height, frame.inner_width)


def test_a_square_picture_fills_its_frame():
    for side in (8, 128, 384, 4000):
        assert choose_frame(side, side, native_size=384, multiple=64) == whole_frame(384, 384)


def test_a_picture_of_the_frames_size_is_taken_as_it_is(picture):
    pixels = whole_frame(80, 48).fill(Image.fromarray(picture))
    expected = torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1
    assert torch.equal(pixels, expected)


def test_the_border_repeats_the_pictures_edge(picture):
    frame = choose_frame(80, 48, native_size=128, multiple=64)
    pixels = frame.fill(Image.fromarray(picture))
    assert pixels.shape == (1, 3, frame.height, frame.width)
    inner = pixels[..., frame.top : frame.top + frame.inner_height, :]
    assert frame.top > 0
    assert torch.equal(pixels[..., : frame.top, :], inner[..., :1, :].expand(-1, -1, frame.top, -1))
    assert torch.equal(pixels[..., -1, :], inner[..., -1, :])


def test_a_point_lies_in_the_frame_where_its_colour_does():
    image = np.zeros((30, 200, 3), np.uint8)
    image[20, 150] = 255
    frame = choose_frame(200, 30, native_size=512, multiple=64)
    x, y = frame.locate((150, 20), (200, 30))
    light = frame.fill(Image.fromarray(image))[0, 0]
    brightest = np.unravel_index(int(light.argmax()), light.shape)
    assert np.abs(np.subtract((y, x), brightest)).max() <= frame.inner_width / 200


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((640, 480), (384, 320)),
        ((500, 333), (448, 256)),
        ((383, 384), (320, 320)),  # exact arithmetic would give 320 x 384
        ((384, 384), (384, 384)),
        ((2000, 2000), (384, 384)),
        ((900, 400), (576, 256)),
        ((4000, 1000), (768, 192)),
    ],
)
def test_the_official_frame_rounds_down_in_the_official_order(size, expected):
    frame = official_frame(*size, native_size=384, multiple=64)
    assert frame == whole_frame(*expected)


def test_a_side_that_vanishes_in_the_official_frame_is_refused():
    with pytest.raises(
        ValueError, match=r"4000 x 100 pixels, too narrow.* deterministic recipe\.$"
    ):
        official_frame(4000, 100, native_size=384, multiple=64)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_found_lies_where_it_was_found(segmenter, monkeypatch, size):
    """A network that answers with the picture's brightness must get the picture back."""

    class Brightness(torch.nn.Module):
        reading = None

        def forward(self, encoding):
            return 8 * encoding.pixels.mean(dim=1, keepdim=True)

    monkeypatch.setitem(segmenter.networks, "znet", Brightness())
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    image[height // 5 : 3 * height // 5, width // 2 : 9 * width // 10] = 255
    found = segmenter(image, ["ball"], "znet")
    assert found.probability.shape == (1, height, width)
    mask, truth = found.mask[0], image[..., 0] > 0
    assert (mask & truth).sum() / (mask | truth).sum() > 0.85


@pytest.mark.parametrize("size", [(320, 40), (40, 320), (90, 40)])
def test_every_network_answers_for_oblong_pictures(segmenter, size):
    found = segmenter.compare(Image.effect_noise(size, 50), ["ball", "a star"])
    for each in found.values():
        assert each.probability.shape == (2, size[1], size[0])
        assert np.isfinite(each.probability).all()
