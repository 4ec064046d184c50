"""Where a point looks, against the whole matrices of attention."""

import numpy as np
import pytest
import torch

from ldznet.backbone import record
from ldznet.inspection import (
    fusion_point,
    fusion_point_of,
    noisy_latents,
    point_of,
    run_network,
    run_unet,
    self_attention_point,
)
from ldznet.pipeline import Segmenter
from ldznet.types import Encoding
from tests.conftest import features_of

PHRASE = "red ball"


@pytest.mark.parametrize(
    ("x", "y", "block", "cell", "grid"),
    [
        (0, 0, 2, (0, 0), (16, 24)),
        (95, 63, 2, (15, 23), (16, 24)),
        (50.5, 20, 12, (2, 6), (8, 12)),
        (90, 40, 7, (1, 2), (2, 3)),
    ],
)
def test_a_point_shows_its_row_of_the_self_attention(backbone, subject, x, y, block, cell, grid):
    point_map = self_attention_point(backbone, subject, PHRASE, x, y, block=block, timestep=200)
    noisy = noisy_latents(backbone, subject, 200, 0)
    with torch.no_grad(), record(backbone.unet, attention=[block]) as recording:
        backbone.unet(noisy, 200, backbone.encode_text([PHRASE]))
    whole = recording.attention[200, block, "self"][0].numpy().reshape(*grid, *grid)
    assert point_map.cell == cell
    np.testing.assert_allclose(point_map.map, whole[cell], atol=1e-6)
    assert point_map.map.sum() == pytest.approx(1, abs=1e-5)
    assert point_map.pooled_share == 0


def test_another_point_runs_nothing(segmenter, subject, count_runs):
    backbone, network = segmenter.backbone, segmenter.networks["ldznet"]
    unet_pass = run_unet(backbone, subject, PHRASE, timestep=200, points=[5, 9])
    fused = run_network(segmenter, subject, PHRASE, timestep=200)
    with count_runs(backbone.unet) as ran, count_runs(network.unet) as network_ran:
        here = point_of(backbone, unet_pass, 10, 10, block=9)
        there = point_of(backbone, unet_pass, 80, 50, block=9)
        fused_here = fusion_point_of(fused, 10, 10, block=9)
        fused_there = fusion_point_of(fused, 80, 50, block=9)
    assert ran == network_ran == []
    assert here.cell != there.cell
    assert not np.allclose(here.map, there.map)
    assert not np.allclose(fused_here.map, fused_there.map)


@pytest.mark.parametrize("block", [6, 7, 10])
def test_the_fusion_shows_what_ld_znet_reads_and_the_pooled_share(segmenter, subject, block):
    point_map = fusion_point(segmenter, subject, PHRASE, 70, 30, block=block, timestep=400, seed=3)
    backbone, network = segmenter.backbone, segmenter.networks["ldznet"]
    text = backbone.encode_text([PHRASE])
    noisy = noisy_latents(backbone, subject, 400, 3)
    pixels = torch.zeros(1, 3, 64, 96)  # LD-ZNet does not look at them
    encoding = Encoding(pixels, subject.latents, text, features_of(backbone, noisy, text, 400))
    with torch.no_grad(), record(network.unet, attention=[block], kinds=["fusion"]) as recording:
        network(encoding)
    (whole,) = recording.attention.values()
    rows, columns = point_map.map.shape
    row = whole[0].numpy().reshape(rows, columns, -1)[point_map.cell]
    assert point_map.cell == (30 * rows // 64, 70 * columns // 96)
    assert point_map.pooled_share == pytest.approx(row[0], abs=1e-6)
    np.testing.assert_allclose(point_map.map.ravel(), row[1:], atol=1e-6)
    assert point_map.map.sum() + point_map.pooled_share == pytest.approx(1, abs=1e-5)


def test_the_networks_pass_answers_as_the_segmenter_does(pocket):
    from ldznet.data.shapes import draw_scene
    from ldznet.inspection import subject_of_image

    image = draw_scene(3, "photo").image
    network_pass = run_network(pocket, subject_of_image(pocket, image), "car", timestep=300, seed=5)
    expected = pocket(image, ["car"], timestep=300, seed=5).probability[0]
    np.testing.assert_allclose(network_pass.probability, expected, atol=1e-5)


@pytest.mark.parametrize("point", [(-1, 5), (96, 5), (5, 64), (5, -0.1), (float("nan"), 5)])
def test_a_click_outside_is_refused_before_anything_runs(segmenter, subject, point, count_runs):
    with count_runs(segmenter.backbone.unet) as ran:
        with pytest.raises(ValueError, match="x goes from 0 to 95 and y from 0 to 63"):
            self_attention_point(segmenter.backbone, subject, PHRASE, *point, block=9)
        with pytest.raises(ValueError, match="outside the picture"):
            fusion_point(segmenter, subject, PHRASE, *point, block=9)
    assert ran == []


def test_a_block_without_a_view_is_refused(segmenter, subject):
    network_pass = run_network(segmenter, subject, PHRASE, timestep=400)
    with pytest.raises(ValueError, match="choose from 6, 7, 8, 9, 10"):
        fusion_point_of(network_pass, 1, 1, block=5)
    with pytest.raises(ValueError, match="1 to 16"):
        self_attention_point(segmenter.backbone, subject, PHRASE, 1, 1, block=17)


def test_fusion_needs_ld_znet(segmenter, subject):
    without = Segmenter(segmenter.backbone, {"znet": segmenter.networks["znet"]})
    with pytest.raises(ValueError, match="needs the network LD-ZNet"):
        fusion_point(without, subject, PHRASE, 1, 1, block=9)
