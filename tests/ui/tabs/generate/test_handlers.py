"""The tab's handlers as plain functions: values in, changes by the component's name out."""

import io
import zipfile
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from ldznet.backbone import generate
from ldznet.ui.inputs import InputError
from ldznet.ui.state import Picture
from ldznet.ui.tabs.generate.handlers import Handlers, pick_prompt, stop, throw_dice, wait
from ldznet.ui.tabs.generate.layout import VIEWS
from ldznet.ui.tabs.generate.session import EXAMPLE_PROMPTS, Shown

REQUEST = {
    "prompt": "a blue star and a tree",
    "negative_prompt": "",
    "steps": 3,
    "guidance": 4,
    "seed": 7,
    "count": 1,
}


CONTROLS = ("overlay", 0.5, 0.45)
VISITOR = SimpleNamespace(session_hash=None)


@pytest.fixture
def handlers(models, first):
    return Handlers(models, first, "Measured.")


@pytest.fixture
def shown(first):
    """The page as it opens."""
    return Shown(first, ["red ball"])


def merged(updates):
    """What stands on the page after all of these changes."""
    changes = {}
    for update in updates:
        changes |= update
    return changes


def drawing(handlers, session=None, running=None, **changes):
    """The changes while a request is drawn, one after the other."""
    shown = Shown(session or handlers.first, ["red ball"])
    return handlers.draw(shown, VISITOR, running, REQUEST | changes)


def draw(handlers, session=None, **changes):
    return merged(drawing(handlers, session, **changes))


def report(share, step):
    """Nobody follows."""


def choose(handlers, session, phrases):
    return handlers.segment(Shown(session, phrases), VISITOR, report)


@pytest.fixture
def no_model(monkeypatch, segmenter):
    monkeypatch.setattr(type(segmenter), "compare_generated", None)


def test_a_drawing_comes_with_its_first_thing_found(handlers, segmenter):
    page = draw(handlers)
    generation = generate(segmenter.backbone, REQUEST["prompt"], steps=3, guidance=4, seed=7)
    assert np.array_equal(page["own_session"].generation.image, generation.image)
    assert page["own_session"].offered == ("blue star", "tree", "blue", "star")
    assert page["phrases"]["value"] == ["blue star"]
    expected = segmenter.compare_generated(generation, ["blue star"])
    for name, found in page["own_session"].comparison.at(0.5).items():
        assert np.array_equal(found.mask, expected[name].mask)
    cards = page["cards"]
    assert cards.index("LD-ZNet") < cards.index("ZNet, overlay") < cards.index("RGBNet")
    for item in ("seed</span>", " 7", "3 <span", "timestep"):
        assert item in page["settings"].replace('<span class="tip"', "</span><span")
    assert "seed 7" in page["picture"]
    assert "Measured." in page["note"]
    assert (page["go"]["interactive"], page["halt"]["interactive"]) == (True, False)


def test_steps_are_shown_while_they_happen(handlers):
    updates = list(drawing(handlers, count=2, steps=4))
    begun = updates[0]
    assert isinstance(begun["running"], Event)
    assert (begun["go"]["interactive"], begun["halt"]["interactive"]) == (False, True)
    pictures = [changes["picture"] for changes in updates if "picture" in changes]
    under_way = [picture for picture in pictures if "under-way" in picture]
    assert under_way
    assert all("<progress" in picture and "of 4" in picture for picture in under_way)
    assert "picture 2 of 2" in under_way[-1]
    assert merged(updates)["strip"].count("<button") == 2


@pytest.mark.parametrize(
    ("changes", "place", "sentence"),
    [
        ({"prompt": ""}, "prompt", "empty"),
        ({"prompt": "  \n "}, "prompt", "empty"),
        ({"prompt": "red " * 20 + "car star"}, "prompt", "would cut"),
        ({"negative_prompt": "red " * 20}, "prompt", "negative prompt is too long"),
        ({"steps": 0}, "sampling", "from 1 to 100; got 0"),
        ({"steps": 10_000}, "sampling", "from 1 to 100; got 10000"),
        ({"steps": 2.5}, "sampling", "whole number"),
        ({"seed": 1.5}, "sampling", "whole number"),
        ({"steps": None}, "sampling", "Give the number of steps as a whole number"),
        ({"guidance": 0}, "sampling", "guidance"),
        ({"guidance": float("nan")}, "sampling", "guidance as a number"),
        ({"seed": -1}, "sampling", "seed"),
        ({"seed": 2**63}, "sampling", "seed"),
        ({"seed": 2**63 - 1, "count": 2}, "sampling", "seed"),
        ({"seed": 10**400}, "sampling", "seed"),
        ({"count": 0}, "sampling", "from 1 to 4"),
        ({"count": 5}, "sampling", "from 1 to 4"),
    ],
)
def test_a_complaint_stands_at_its_place_and_leaves_the_rest(handlers, changes, place, sentence):
    (page,) = drawing(handlers, **changes)
    assert not {"own_session", "picture", "cards", "phrases", "settings"} & set(page)
    messages = {name: value for name, value in page.items() if name.endswith("_message")}
    assert sentence in messages.pop(f"{place}_message")
    assert list(messages.values()) == ["", ""]  # what was said elsewhere is over
    assert (page["running"], page["go"]["interactive"]) == (None, True)


def test_a_prompt_that_is_too_long_says_which_words_are_cut(handlers):
    page = draw(handlers, prompt="a red ball " * 5 + "left of the blue star")
    assert "cut" in page["prompt_message"]
    assert "blue star" in page["prompt_message"]


def stop_after(handlers, events, **changes):
    """The page after Stop is pressed when so many events were shown."""
    updates = []
    for update in drawing(handlers, **changes):
        updates.append(update)
        if len(updates) == events + 1:
            stopping = stop(updates[0]["running"])
            assert not stopping["halt"]["interactive"]
            assert "Stopping" in stopping["sampling_message"]
    return merged(updates)


def test_while_drawing_nothing_is_handed_on_and_afterwards_all_is(handlers):
    waiting = ("go", "other", "phrases", "to_compare", "to_attention", "check")
    updates = list(drawing(handlers))
    assert not any(updates[0][name]["interactive"] for name in waiting)
    assert all(merged(updates)[name]["interactive"] for name in waiting)
    stopped = stop_after(handlers, 1, steps=100)
    assert all(stopped[name]["interactive"] for name in waiting)


def test_a_drawing_can_be_stopped_before_its_turn(handlers, first):
    waiting = wait(None)
    assert "Waiting for another drawing" in waiting["sampling_message"]
    assert (waiting["go"]["interactive"], waiting["halt"]["interactive"]) == (False, True)
    stop(waiting["running"])
    page = draw(handlers, running=waiting["running"], steps=100)
    assert "before the first step" in page["sampling_message"]
    assert f"seed {first.generation.seed}" in page["picture"]
    assert "own_session" not in page
    assert (page["running"], page["go"]["interactive"]) == (None, True)


def test_whoever_asks_while_drawing_leaves_stop_to_that_drawing():
    assert wait(Event()) == {}


def test_stop_brings_the_picture_from_before_back(handlers, first):
    page = stop_after(handlers, 1, steps=100)
    assert "own_session" not in page
    assert "cards" not in page
    assert "under-way" not in page["picture"]
    assert f"seed {first.generation.seed}" in page["picture"]
    assert "Stopped at step" in page["sampling_message"]
    assert (page["go"]["interactive"], page["halt"]["interactive"]) == (True, False)


def test_stop_keeps_the_pictures_that_were_finished(handlers):
    updates = []
    for update in drawing(handlers, steps=3, count=4):
        updates.append(update)
        if "<button" in update.get("strip", ""):
            updates[0]["running"].set()
    page = merged(updates)
    finished = len(page["own_session"].drawn)
    assert 1 <= finished < 4
    assert f"{finished} of 4 pictures" in page["sampling_message"]
    assert page["own_session"].comparison is not None


def test_a_page_that_is_closed_ends_the_sampler(handlers):
    updates = drawing(handlers, steps=100, count=4)
    running = next(updates)["running"]
    next(updates)
    assert not running.is_set()
    updates.close()  # as gradio does when the visitor is gone
    assert running.is_set()


def test_an_error_leaves_the_page_usable_and_is_not_hidden(handlers, monkeypatch, backbone):
    monkeypatch.setattr(type(backbone), "decode_latents", lambda *_: 1 / 0)
    updates = []
    with pytest.raises(ZeroDivisionError):
        updates.extend(drawing(handlers))  # up to the error
    page = merged(updates)
    assert "Drawing failed" in page["sampling_message"]
    assert "division" not in page["sampling_message"]
    assert page["go"]["interactive"]


def test_few_steps_fall_back_to_noising_and_say_so(handlers, segmenter):
    page = draw(handlers, steps=2)
    generation = page["own_session"].generation
    assert generation.feature_timestep is None
    assert "300 to 499" in page["note"]
    assert "timestep 400" in page["note"]
    assert not page["check"]["interactive"]
    exact = segmenter.compare_generated(generation, ["blue star"], reuse=False)
    found = page["own_session"].comparison.at(0.5)["ldznet"]
    assert np.array_equal(found.mask, exact["ldznet"].mask)


def test_a_session_keeps_the_last_request_alone_on_the_processor(handlers):
    session = draw(handlers, count=2)["own_session"]
    session = draw(handlers, session, count=1, seed=9)["own_session"]
    assert [drawn.generation.seed for drawn in session.drawn] == [9]
    for tensor in session.generation.features.values():
        assert tensor.dtype == torch.float16
        assert tensor.device.type == "cpu"


def test_new_phrases_run_the_networks_and_dropping_one_does_not(handlers, first, monkeypatch):
    page = choose(handlers, first, ["ball", "red ball"])
    assert page["own_session"].comparison.phrases == ("red ball", "ball")  # as the buttons stand
    monkeypatch.setattr(type(handlers.models.home.segmenter), "compare_generated", None)
    fewer = choose(handlers, page["own_session"], ["ball"])
    assert fewer["cards"].count("<tbody><tr>") == 3
    assert ">ball</th>" in fewer["cards"]
    assert ">red ball</th>" not in fewer["cards"]


def test_a_phrase_keeps_its_buttons_colour(handlers, first):
    both = choose(handlers, first, ["red ball", "ball"])
    alone = choose(handlers, both["own_session"], ["ball"])
    third = "#009E73"  # Okabe and Ito's, for "ball" stands after "red ball" and "red"
    assert third in both["cards"]
    assert third in alone["cards"]
    assert "#E69F00" not in alone["cards"]


def test_nothing_chosen_is_no_error(handlers, first, no_model):
    for page in (choose(handlers, first, []), handlers.show(Shown(first, []))):
        assert "Choose a word above" in page["cards"]
        assert "<table" not in page["cards"]


def test_other_phrases_are_added_and_unknown_words_named(handlers, shown):
    page = handlers.add_phrases(shown, VISITOR, report, "the tree, bal")
    assert page["own_session"].offered[-2:] == ("the tree", "bal")
    assert page["phrases"]["value"] == ["red ball", "the tree", "bal"]
    assert "never seen" in page["phrases_message"]
    assert "bal→ball" in page["phrases_message"]
    assert page["other"]["value"] == ""
    event = SimpleNamespace(pick="bal→ball")
    shown = Shown(page["own_session"], page["phrases"]["value"])
    better = handlers.replace_in_phrases(shown, event, VISITOR, report)
    assert better["phrases"]["value"] == ["red ball", "ball", "the tree"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "at least one"),
        ("red " * 40, "too long"),
        ("word " * 60, "at most 200"),
        (",".join(f"ball {number}" for number in range(16)), "At most 16"),
    ],
)
def test_phrases_that_cannot_be_used_leave_everything(handlers, shown, text, sentence):
    page = handlers.add_phrases(shown, VISITOR, report, text)
    assert {name for name, value in page.items() if value} == {"phrases_message"}
    assert set(page) == {"prompt_message", "sampling_message", "phrases_message"}
    assert sentence in page["phrases_message"]


def test_another_picture_is_searched_for_the_same(handlers, first, shown, segmenter):
    event = SimpleNamespace(pick="1")
    page = handlers.pick_picture(shown, event, VISITOR)
    generation = first.drawn[1].generation
    assert page["own_session"].generation is generation
    assert f"seed {generation.seed}" in page["picture"]
    expected = segmenter.compare_generated(generation, ["red ball"])["znet"]
    assert np.array_equal(page["own_session"].comparison.at(0.5)["znet"].mask, expected.mask)


def test_controls_act_without_a_model(handlers, first, no_model):
    views = {handlers.show(Shown(first, ["red ball"], view))["cards"] for view in VIEWS}
    assert len(views) == 5
    page = handlers.show(Shown(first, ["red ball"], "mask", 0.9))
    assert "0.90" in page["settings"]
    assert "own_session" not in page


def test_the_exact_path_is_compared_in_masks_and_time(handlers, first, segmenter):
    threshold = 0.49
    shown = Shown(first, ["red ball"], "mask", threshold)
    page = handlers.compare_exactly(shown, VISITOR, report)
    masks = [
        segmenter.compare_generated(first.generation, ["red ball"], ["ldznet"], reuse=reuse)[
            "ldznet"
        ]
        .at(threshold)
        .mask[0]
        for reuse in (True, False)
    ]
    union = (masks[0] | masks[1]).sum()
    overlap = "both empty" if not union else f"{(masks[0] & masks[1]).sum() / union:.2f}"
    assert f"<td>{overlap}</td>" in page["exact"]
    assert f"{masks[0].mean() * 100:.1f} %" in page["exact"]
    assert f"{masks[1].mean() * 100:.1f} %" in page["exact"]
    assert "of its time" in page["exact"]
    again = handlers.show(Shown(page["own_session"], ["red ball"], "mask", 0.9))
    assert again["exact"] not in ("", page["exact"])
    wider = choose(handlers, page["own_session"], ["red ball", "ball"])
    assert wider["exact"] == ""


def test_the_page_shows_the_visitors_own_pictures_once_there_are_any(handlers, first):
    own = draw(handlers)["own_session"]
    opened = handlers.read_shown(None, False, ["red ball"], "mask", 0.4, 0.3)
    assert (opened.session, opened.put_away) == (first, False)
    assert (opened.phrases, opened.view) == (["red ball"], "mask")
    assert (opened.threshold, opened.opacity) == (0.4, 0.3)
    assert handlers.read_shown(own, True, [], *CONTROLS).session is own
    assert handlers.read_shown(None, True, [], *CONTROLS).put_away


def test_pictures_put_away_are_said_to_be_and_the_page_is_as_it_opened(handlers, first):
    shown = handlers.read_shown(None, True, ["blue star"], *CONTROLS)
    for page in (
        handlers.segment(shown, VISITOR, report),
        handlers.show(shown),
        handlers.hand_to_compare(shown),
        handlers.hand_to_attention(shown),
    ):
        assert "put away" in page["phrases_message"]
        assert (page["own_session"], page["drawn_here"]) == (None, False)
        assert page["phrases"]["choices"] == list(first.offered)
        assert f"seed {first.generation.seed}" in page["picture"]
    with pytest.raises(InputError, match="put away"):
        handlers.download("picture", shown)


def test_user_text_is_no_html(handlers):
    page = draw(handlers, prompt="<b>ball</b> & <i>", negative_prompt="<u>")
    for place in ("cards", "picture", "settings", "prompt_message", "note"):
        assert not [tag for tag in ("<b>", "<i>", "<u>") if tag in page[place]]
    assert "&lt;b&gt;" in page["settings"]


def test_an_example_prompt_fills_every_input():
    for place, request in enumerate(EXAMPLE_PROMPTS):
        assert pick_prompt(SimpleNamespace(pick=str(place))) == {
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "steps": request.steps,
            "guidance": request.guidance,
            "seed": request.seed,
            "count": request.count,
        }


def test_the_dice_throw_other_seeds():
    seeds = {throw_dice()["seed"] for _ in range(4)}
    assert len(seeds) > 1
    assert all(0 <= seed < 2**53 for seed in seeds)  # exact in a browser


def test_the_picture_is_handed_on_anew_each_time(handlers, first, shown):
    handed = handlers.hand_to_compare(shown)
    picture = handed["for_compare"]
    assert isinstance(picture, Picture)
    assert picture.phrases == ("red ball",)
    assert picture.image is first.generation.image
    assert handed["tabs"].selected == "Compare"
    again = handlers.hand_to_compare(shown)
    assert hash(picture) != hash(again["for_compare"])
    handed = handlers.hand_to_attention(shown)
    assert handed["for_attention"].generation is first.generation
    assert handed["for_attention"].backbone == "random"
    assert handed["tabs"].selected == "Attention & features"


def test_downloads_are_lossless(handlers, first, shown):
    name, content, _ = handlers.download("picture", shown)
    assert name == "generated-seed-5.png"
    assert np.array_equal(np.array(Image.open(io.BytesIO(content))), first.generation.image)
    shown = Shown(first, ["red ball"], threshold=0.3)
    name, content, _ = handlers.download("everything", shown)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        masks = {
            network: np.array(Image.open(archive.open(f"{network}-1-red-ball.png")))
            for network in ("ldznet", "znet", "rgbnet")
        }
        cut = np.array(Image.open(archive.open("ldznet-1-red-ball-cut-out.png")))
        assert "generate(" in archive.read("reproduce.py").decode()
    for network, found in first.comparison.at(0.3).items():
        assert np.array_equal(masks[network] > 0, found.mask[0])
    assert np.array_equal(cut[..., 3], masks["ldznet"])
    for kind in ("masks", "cut-outs"):
        with pytest.raises(InputError, match="Choose a word"):
            handlers.download(kind, Shown(first, []))
