"""`ldznet experiment reconstruction`: the PSNR it writes is that of pictures as they are stored."""

import json

import pytest
import torch
from torch.nn import functional

from ldznet.backbone import LatentDiffusion
from ldznet.cli import main
from ldznet.data.shapes import SPLITS, STYLES, draw_scene


def test_it_writes_each_styles_psnr(tmp_path, backbone_folder):
    output = tmp_path / "reconstruction.json"
    options = ["--count", "2", "--backbone", str(backbone_folder), "--output", str(output)]
    assert main(["experiment", "reconstruction", *options]) == 0
    result = json.loads(output.read_text())
    assert list(result["psnr"]) == list(STYLES)
    assert str(tmp_path) not in output.read_text()

    backbone = LatentDiffusion.from_pretrained(backbone_folder)
    expected = []
    for number in range(2):
        image = torch.from_numpy(draw_scene(SPLITS["test"][0] + number, "neon").image.copy())
        pixels = functional.interpolate(
            image.permute(2, 0, 1)[None] / 127.5 - 1, [backbone.native_size] * 2, mode="area"
        )
        with torch.no_grad():
            decoded = backbone.decode_latents(backbone.encode_image(pixels)).clamp(-1, 1)
        mean_square = functional.mse_loss((decoded + 1) / 2, (pixels + 1) / 2)
        expected.append(-10 * mean_square.log10().item())
    assert result["psnr"]["neon"]["mean"] == pytest.approx(sum(expected) / 2, abs=0.3)


def test_no_scenes_are_refused(tmp_path, capsys):
    output = tmp_path / "reconstruction.json"
    assert main(["experiment", "reconstruction", "--count", "0", "--output", str(output)]) == 1
    assert "Measure on 1 to" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
