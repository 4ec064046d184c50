"""What is registered stands on the page and answers: a network, a peer and a tab of a moment."""

from dataclasses import dataclass

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from ldznet.networks import NETWORKS, ZNet
from ldznet.peers import PEERS
from ldznet.pipeline import Segmenter
from ldznet.ui import TABS, build_interface, launch_options
from ldznet.ui.cards import draw_cards
from ldznet.ui.models import Models
from ldznet.ui.run import complete_comparison, run_comparison
from ldznet.ui.state import Look, Picture


class Doubter(ZNet):
    """ZNet's twin, under another name."""

    name = "doubter"
    title = "The Doubter"
    colour = "#123456"
    reads = "reads the {latent} twice"
    remedy = "There is no help for The Doubter."


class Painter:
    """A peer that finds the left half of any picture."""

    name = "painter"
    title = "The Painter"
    colour = "#654321"
    reads = "paints the left half"
    remedy = "Ask another painter."

    @classmethod
    def from_pretrained(cls, source=None, **options):
        return cls()

    def __call__(self, picture, phrases):
        half = np.zeros((len(phrases), picture.height, picture.width), np.float32)
        half[:, :, : picture.width // 2] = 0.9
        return half


@dataclass(frozen=True)
class Built:
    """The page with all three, and what its clients are told."""

    config: str
    client: Client


@pytest.fixture(scope="module")
def models(segmenter):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, Doubter.name, Doubter)
        patch.setitem(PEERS, Painter.name, Painter)
        patch.setitem(TABS, "Stars", lambda models, desk: gr.Markdown("look up", elem_id="stars"))
        twin = Doubter.from_config(segmenter.networks["znet"].config)
        twin.load_state_dict(segmenter.networks["znet"].state_dict())
        networks = {**segmenter.networks, Doubter.name: twin}
        yield Models(Segmenter(segmenter.backbone, networks), "random")


@pytest.fixture(scope="module")
def page(models, tmp_path_factory):
    demo = build_interface(models)
    config = str(demo.get_config_file())
    options = {**launch_options(), "quiet": True, "prevent_thread_lock": True}
    _, url, _ = demo.launch(**options)
    downloads = str(tmp_path_factory.mktemp("downloads"))
    client = Client(url, verbose=False, download_files=downloads)
    yield Built(config, client)
    client.close()
    demo.close()


def test_they_stand_on_the_page(page):
    assert f"('{Doubter.title}', '{Doubter.name}')" in page.config  # a column to choose
    assert f"('{Painter.title}', '{Painter.name}')" in page.config
    assert "'label': 'Stars'" in page.config
    assert "look up" in page.config
    assert "--own:#123456" in page.config  # the network's card, shown from the beginning
    assert "--own:#654321" not in page.config


def test_they_answer_clients(page, picture, tmp_path):
    path = tmp_path / "image.png"
    Image.fromarray(picture).save(path)

    def ask(networks):
        return page.client.predict(
            handle_file(path), ["tree"], 0.5, 0, 400, networks, api_name="/compare"
        )["networks"]

    assert list(ask(None)) == [*NETWORKS]
    answer = ask(["znet", "doubter", "painter"])
    masks = {
        name: np.array(Image.open(each["phrases"][0]["mask"])) for name, each in answer.items()
    }
    assert np.array_equal(masks["doubter"], masks["znet"])
    assert (masks["painter"][:, :40] == 255).all()
    assert not masks["painter"][:, 40:].any()


def test_clients_read_of_them(page):
    described = page.client.view_api(return_format="dict", print_info=False)
    assert {"/compare", "/generate", "/feature_maps"} <= set(described["named_endpoints"])
    names = [
        each["parameter_name"] for each in described["named_endpoints"]["/compare"]["parameters"]
    ]
    assert names == ["image", "phrases", "threshold", "seed", "timestep", "networks"]
    assert "doubter" in str(described["named_endpoints"]["/compare"])


def test_they_have_cards_of_their_own(models, picture):
    comparison = run_comparison(models.home, Picture(picture, "test"), ("tree",))
    shown = (*NETWORKS, Painter.name)
    comparison = complete_comparison(models, None, comparison, shown)
    cards = draw_cards(comparison, Look(columns=shown))
    assert cards.count('class="layer') == 5
    assert Doubter.title in cards
    assert "paints the left half" in cards
