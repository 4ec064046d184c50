"""Columns are turned on and off: what is missing runs, what cannot is said, masks are scored."""

import io
import json
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ldznet.metrics import iou
from ldznet.peers import PEERS
from ldznet.pipeline import Segmenter
from ldznet.ui.cards import draw_agreement_card, draw_cards, find_agreeing
from ldznet.ui.downloads import zip_comparison
from ldznet.ui.models import Models
from ldznet.ui.run import run_comparison
from ldznet.ui.snippets import command_line, python_code
from ldznet.ui.state import OWN, Look, Picture, all_columns, first_columns
from ldznet.ui.tabs.compare.endpoint import compare_as_json
from ldznet.ui.tabs.compare.handlers import Handlers, choose_pair, draw_absent

FIRST_COLUMNS = first_columns()
NOBODY = SimpleNamespace(session_hash=None)  # a request of no session
HOW = "LD-ZNet needs weights: 'python -m ldznet convert a b' makes them & more."


class Darkness:
    """A peer that finds what is dark, and counts how often it was asked."""

    name, title, asked = "clipseg", "CLIPSeg", 0

    def __call__(self, picture, phrases):
        Darkness.asked += 1
        dark = 1 - np.asarray(picture.convert("L"), np.float32) / 255
        return np.stack([dark] * len(phrases))


@pytest.fixture
def peer(monkeypatch):
    """CLIPSeg's place taken by a stand-in; setting `.obstacle` keeps it from being loaded."""

    def load(source=None, **options):
        if Darkness.obstacle:
            raise ValueError(Darkness.obstacle)
        return Darkness()

    monkeypatch.setattr(PEERS["clipseg"], "from_pretrained", load)
    Darkness.obstacle, Darkness.asked = "", 0
    return Darkness


@pytest.fixture
def models(segmenter):
    """A segmenter of its own, to which peers may be added."""
    return Models(Segmenter(segmenter.backbone, segmenter.networks, missing={}), "random")


@pytest.fixture
def handlers(models):
    return Handlers(models, [])


@pytest.fixture
def asked(models, monkeypatch):
    """What the segmenter is asked for, run by run."""
    runs, compare = [], models.home.segmenter.compare

    def listen(image, phrases, networks=None, **options):
        runs.append(tuple(networks))
        return compare(image, phrases, networks, **options)

    monkeypatch.setattr(models.home.segmenter, "compare", listen)
    return runs


@pytest.fixture
def comparison(models, picture):
    return run_comparison(models.home, Picture(picture, "test"), ("red ball", "tree"), seed=3)


def look(*columns):
    """What the controls say with these columns on: they stand in their own order."""
    return Look(columns=tuple(name for name in all_columns() if name in columns))


def complete(handlers, comparison, filled, look, report=None):
    """What the columns shown lack; None for nothing new."""
    changes = handlers.complete(NOBODY, report or silent, comparison, filled, look)
    return changes.get("filled")


def fill(handlers, comparison, filled):
    return handlers.fill(comparison, filled)["comparison"]


def cards_of(handlers, comparison, look):
    return handlers.show_above(comparison, look, NOBODY)["cards"]


def silent(share, step):
    """Progress that nobody follows."""


def test_only_what_is_lacking_runs_and_the_rest_is_kept(
    handlers, comparison, asked, segmenter, picture
):
    found = complete(handlers, comparison, None, look(*FIRST_COLUMNS, "attention"))
    assert asked == [("attention",)]
    assert all(found.packed[name] is comparison.packed[name] for name in FIRST_COLUMNS)
    expected = segmenter.compare(picture, comparison.phrases, ["attention"], seed=3)["attention"]
    assert np.array_equal(found.at(0.5)["attention"].mask, expected.at(0.5).mask)
    off = complete(handlers, found, found, look(*FIRST_COLUMNS))
    again = complete(handlers, found, found, look("attention"))
    assert (off, again, len(asked)) == (None, None, 1)


def test_a_run_asks_only_for_the_columns_shown(handlers, models, comparison, asked, tmp_path):
    Image.fromarray(comparison.picture.image).save(tmp_path / "image.png")
    inputs = (str(tmp_path / "image.png"), "tree", 0, 400, "{}", None, None)
    shown = look("attention", "ldznet", OWN)
    found = handlers.run(NOBODY, silent, comparison, *inputs, shown)["comparison"]
    assert asked == [("ldznet", "attention")]
    assert found.networks == ("ldznet", "attention")


def test_what_was_given_while_a_column_ran_is_not_lost(handlers, comparison):
    found = complete(handlers, comparison, None, look("attention"))
    grey = np.full(comparison.picture.image.shape[:2], 255, np.uint8)
    meanwhile = comparison.with_own("tree", grey)
    assert set(fill(handlers, meanwhile, found).networks) == {*FIRST_COLUMNS, "attention", OWN}


def test_results_of_another_run_are_not_taken_over(handlers, models, comparison):
    found = complete(handlers, comparison, None, look("attention"))
    other = run_comparison(models.home, comparison.picture, comparison.phrases, seed=4)
    assert fill(handlers, other, found) is other


def test_a_peer_is_loaded_when_it_is_first_shown(handlers, comparison, peer):
    steps = []
    found = complete(
        handlers, comparison, None, look("clipseg"), lambda share, step: steps.append(step)
    )
    assert steps[0] == "Step 1 of 3: Loading CLIPSeg"
    assert peer.asked == 1
    dark = np.asarray(Image.fromarray(comparison.picture.image).convert("L")) < 127
    assert (found.at(0.5)["clipseg"].mask[1] == dark).mean() > 0.99


def test_a_peer_that_cannot_be_had_says_so_in_its_card_alone(handlers, comparison, peer):
    peer.obstacle = "The hub cannot be reached; connect & try again."
    shown = look(*FIRST_COLUMNS, "clipseg", "attention")
    failed = complete(handlers, comparison, None, shown)
    assert failed.networks == (*FIRST_COLUMNS, "attention")
    cards = cards_of(handlers, failed, shown)
    assert cards.count("connect &amp; try again.") == 1
    assert cards.count('class="layer') == 4
    peer.obstacle = ""
    assert complete(handlers, failed, failed, shown) is None  # not at every turn
    off = complete(handlers, failed, failed, look(*FIRST_COLUMNS))
    assert complete(handlers, off, off, shown).networks[-1] == "clipseg"


def test_a_column_that_breaks_does_not_wait_for_ever(
    handlers, models, comparison, monkeypatch, caplog
):
    def fail(*arguments, **options):
        raise RuntimeError("secret")

    monkeypatch.setattr(models.home.segmenter, "compare", fail)
    failed = complete(handlers, comparison, None, look(*FIRST_COLUMNS, "attention"))
    cards = cards_of(handlers, failed, look(*FIRST_COLUMNS, "attention"))
    assert "could not be computed" in cards
    assert "secret" not in cards
    assert "secret" in caplog.text
    assert cards.count('class="layer') == 3


def test_a_network_without_weights_says_how_to_get_them(segmenter, picture):
    networks = {name: each for name, each in segmenter.networks.items() if name != "ldznet"}
    lacking = Segmenter(segmenter.backbone, networks, missing={"ldznet": HOW})
    models = Models(lacking, "random")
    handlers, shown = Handlers(models, []), Look(columns=FIRST_COLUMNS)
    comparison = run_comparison(models.home, Picture(picture, "test"), ("tree",))
    cards = cards_of(handlers, comparison, look(*FIRST_COLUMNS))
    assert cards.count("<figure") == 3
    assert cards.count('class="layer') == 2
    assert "<code>python -m ldznet convert a b</code> makes them &amp; more." in cards
    assert complete(handlers, comparison, None, look(*FIRST_COLUMNS)) is None
    assert choose_pair(comparison, shown) == ("rgbnet", "znet")
    assert list(find_agreeing(comparison, shown)) == ["rgbnet", "znet"]


def test_no_column_is_an_answer_too(handlers, comparison):
    cards, below = cards_of(handlers, comparison, look()), handlers.show_below(comparison, look())
    assert "Choose a column" in cards
    assert "<figure" not in cards
    assert np.array_equal(below["pair"][0], comparison.picture.image)
    assert below["left"]["choices"] == []
    content = zip_comparison("everything", comparison, look())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        report = json.loads(archive.read("segmentation.json"))
    assert report["networks"] == {}


def test_what_is_not_there_yet_is_announced(models, comparison, peer):
    said = draw_absent(models, None, comparison, Look(columns=tuple(all_columns())))
    assert set(said) == {"attention", "clipseg", OWN}
    assert "Running Attention" in said["attention"]
    assert "Loading CLIPSeg" in said["clipseg"]
    assert "Give a mask" in said[OWN]


def test_pair_and_snippets_follow_the_columns(handlers, comparison):
    found = complete(handlers, comparison, None, look(*FIRST_COLUMNS, "attention"))
    shown = Look(columns=("rgbnet", "attention"))
    below = handlers.show_below(found, shown)
    assert below["left"]["choices"] == [("RGBNet", "rgbnet"), ("Attention", "attention")]
    assert (below["left"]["value"], below["right"]["value"]) == ("rgbnet", "attention")
    assert "networks=['rgbnet', 'attention']" in python_code(found, shown)
    assert command_line(found, shown).count("--network ") == 2
    assert "networks=" not in python_code(found, Look(columns=FIRST_COLUMNS))


def test_clients_may_ask_for_a_peer_and_hear_why_there_is_none(models, picture, peer, tmp_path):
    def ask(network):
        return compare_as_json(models.home, tmp_path, path, ["tree"], 0.5, 0, 400, [network])

    path = tmp_path / "image.png"
    Image.fromarray(picture).save(path)
    peer.obstacle = "The hub cannot be reached."
    with pytest.raises(ValueError, match="hub cannot be reached"):
        ask("clipseg")
    peer.obstacle = ""
    assert list(ask("clipseg")["networks"]) == ["clipseg"]
    models.home.segmenter.missing["ldznet"] = HOW
    with pytest.raises(ValueError, match="python -m ldznet convert"):
        ask("ldznet")


@pytest.fixture
def grey(picture):
    """Somebody else's mask: half inside, a strip in between."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[:, :40], mask[:, 40:50] = 255, 102
    return mask


@pytest.fixture
def given(handlers, comparison, grey, tmp_path):
    Image.fromarray(grey).save(tmp_path / "own.png")
    changes = handlers.add_own(comparison, str(tmp_path / "own.png"), "tree")
    assert changes["own_message"] == ""
    return changes["comparison"]


def test_an_own_mask_is_scored_like_any_other(given, grey):
    truth = np.zeros(grey.shape, bool)
    truth[:, :20] = True
    given = given.with_truth("tree", truth)
    shown = Look(threshold=0.5, columns=("znet", OWN))
    cards = draw_cards(given, shown)
    own = cards[cards.index('class="card own"') :]
    assert "<td>1.00</td><td>50.0 %</td><td>0.50</td>" in own  # score, area, overlap
    assert own.count("No mask was given.") == 1  # the other phrase
    assert given.at(0.3)[OWN].mask[0].mean() == 50 / 80
    assert given.at(0.3)[OWN].score[0] == pytest.approx((40 + 10 * 0.4) / 50)
    errors = Look(view="errors", columns=("znet", OWN))
    assert draw_cards(given, errors).count('class="layer') == 2


def test_only_phrases_with_an_own_mask_are_compared_with_it(given, grey):
    shown = Look(columns=("znet", OWN))
    agreeing = find_agreeing(given, shown)
    assert {each.phrases for each in agreeing.values()} == {("tree",)}
    overlap = iou(given.at(0.5, ["tree"])["znet"].mask[0], grey > 127)
    card = draw_agreement_card(given, shown)
    assert f"<td>{overlap:.2f}</td>" in card
    assert "Over &#x27;tree&#x27; only" in card


def test_an_own_mask_is_dropped_with_its_file(handlers, given):
    assert handlers.pick_own(given, "red ball") == {"own_mask": None}
    assert handlers.pick_own(given, "tree")["own_mask"] is not None
    dropped = handlers.add_own(given, None, "tree")["comparison"]
    assert OWN not in dropped.networks


def test_an_own_mask_of_another_size_is_refused(handlers, comparison, tmp_path):
    Image.new("L", (9, 8)).save(tmp_path / "own.png")
    changes = handlers.add_own(comparison, str(tmp_path / "own.png"), "tree")
    assert set(changes) == {"own_message"}
    assert "Your mask is 9 × 8 pixels and the picture 80 × 48" in changes["own_message"]
