"""A network and a peer registered in memory answer everywhere with nothing else written."""

import numpy as np
import pytest
import torch

from ldznet.backbone import generate
from ldznet.evaluation import evaluate
from ldznet.networks import NETWORKS, SegmentationNetwork
from ldznet.peers import PEERS
from ldznet.pipeline import Segmenter
from ldznet.types import Reading, Sample


class Third(SegmentationNetwork):
    """Reads latents and one feature that no other network reads."""

    name = "third"
    title = "ThirdNet"
    colour = "#123456"
    reads = "reads the {latent} twice"
    remedy = "ThirdNet has no weights here: draw some."
    reading = Reading(features=(3,))

    def grid(self, encoding):
        contrast = encoding.features[3].mean(dim=(1, 2, 3))[:, None, None, None]
        return self._run_unet(encoding.latents * contrast, encoding.text)


class Bright:
    """Finds what is bright, whatever it is asked for."""

    name, title, colour = "bright", "Bright", "#654321"
    reads, remedy = "reads the pixels", "Bright needs none."

    @classmethod
    def from_pretrained(cls, source=None, *, device="cpu"):
        return cls()

    def __call__(self, picture, phrases):
        grey = np.asarray(picture.convert("L"), np.float32) / 255
        return np.stack([grey] * len(phrases))


@pytest.fixture
def registered(monkeypatch, backbone_folder, networks_folder, tmp_path, segmenter):
    """A segmenter loaded with both, by their names alone."""
    monkeypatch.setitem(NETWORKS, "third", Third)
    monkeypatch.setitem(PEERS, "bright", Bright)
    bare = Segmenter.from_pretrained(backbone_folder, networks=networks_folder)
    assert bare.missing["third"] == Third.remedy
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        Third(**_sizes(segmenter)).save_pretrained(tmp_path / "third")
    names = ["third", "attention", "bright"]
    return Segmenter.from_pretrained(backbone_folder, networks=tmp_path, names=names)


def _sizes(segmenter):
    config = dict(segmenter.networks["znet"].config)
    return {name: value for name, value in config.items() if not name.startswith("_")}


def test_they_answer_in_pictures_drawings_and_scores(registered, picture):
    names = ["third", "attention", "bright"]
    found = registered.compare(picture, ["ball", "star"], names)
    assert list(found) == names
    grey = np.asarray(Bright()(_image(picture), ["ball"]))
    np.testing.assert_allclose(found["bright"].probability[:1], grey)
    assert list(registered.compare(picture, ["ball"])) == ["third"]  # trained ones, by default
    changed = registered.compare(picture, ["ball", "star"], ["third"], seed=1)["third"]
    assert np.abs(changed.probability - found["third"].probability).max() > 0

    drawn = generate(registered.backbone, "red ball", steps=5)
    assert list(registered.compare_generated(drawn, ["ball"], names)) == names

    mask = picture[..., 0] == 250
    reports = evaluate(registered, [Sample(picture, "ball", mask, "drawn")], names)
    assert list(reports) == [*names, "everything", "nothing"]
    assert {report.overall.count for report in reports.values()} == {1}


def _image(picture):
    from PIL import Image

    return Image.fromarray(picture)
