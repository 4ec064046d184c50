"""The tab's handlers as plain functions: values in, a `Page` of changes out."""

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
from ldznet.ui.tabs.generate.handlers import Handlers
from ldznet.ui.tabs.generate.outputs import SKIP, Page
from ldznet.ui.tabs.generate.prompts import EXAMPLE_PROMPTS

LOOK = ("overlay", 0.5, 0.45)
REQUEST = ("a blue star and a tree", "", 3, 4, 7, 1)


@pytest.fixture
def handlers(models, first):
    return Handlers(models, first, "Measured.")


def last(pages):
    """What stands on the page after all of these changes."""
    merged = {}
    for page in pages:
        merged |= {name: value for name, value in page._asdict().items() if value is not SKIP}
    return SimpleNamespace(**{**Page()._asdict(), **merged})


def request(**changes):
    names = ("prompt", "negative_prompt", "steps", "guidance", "seed", "count")
    return tuple({**dict(zip(names, REQUEST, strict=True)), **changes}.values())


def draw(handlers, kept=None, own=False, **changes):
    return last(handlers.draw(kept, own, None, *request(**changes), *LOOK))


def report(share, step):
    """Nobody follows."""


@pytest.fixture
def no_model(monkeypatch, segmenter):
    monkeypatch.setattr(type(segmenter), "compare_generated", None)


def test_a_drawing_comes_with_its_first_thing_found(handlers, segmenter):
    page = draw(handlers)
    generation = generate(segmenter.backbone, REQUEST[0], steps=3, guidance=4, seed=7)
    assert np.array_equal(page.session.generation.image, generation.image)
    assert page.session.offered == ("blue star", "tree", "blue", "star")
    assert page.phrases["value"] == ["blue star"]
    expected = segmenter.compare_generated(generation, ["blue star"])
    for name, found in page.session.found.at(0.5).items():
        assert np.array_equal(found.mask, expected[name].mask)
    cards = page.cards
    assert cards.index("LD-ZNet") < cards.index("ZNet, overlay") < cards.index("RGBNet")
    for said in ("seed</span>", " 7", "3 <span", "timestep"):
        assert said in page.settings.replace('<span class="tip"', "</span><span")
    assert "seed 7" in page.picture
    assert "Measured." in page.note
    assert (page.go["interactive"], page.halt["interactive"]) == (True, False)


def test_steps_are_shown_while_they_happen(handlers):
    pages = list(handlers.draw(None, False, None, *request(count=2, steps=4), *LOOK))
    assert isinstance(pages[0].running, Event)
    assert (pages[0].go["interactive"], pages[0].halt["interactive"]) == (False, True)
    under_way = [page.picture for page in pages if "under-way" in str(page.picture)]
    assert under_way
    assert all("<progress" in picture and "of 4" in picture for picture in under_way)
    assert "picture 2 of 2" in under_way[-1]
    assert last(pages).strip.count("<button") == 2


@pytest.mark.parametrize(
    ("changes", "place", "said"),
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
def test_a_complaint_stands_at_its_place_and_leaves_the_rest(handlers, changes, place, said):
    (page,) = handlers.draw(None, False, None, *request(**changes), *LOOK)
    changed = {name: value for name, value in page._asdict().items() if value is not SKIP}
    assert not {"session", "picture", "cards", "phrases", "settings"} & set(changed)
    messages = {name: value for name, value in changed.items() if name.endswith("_message")}
    assert said in messages.pop(f"{place}_message")
    assert list(messages.values()) == ["", ""]  # what was said elsewhere is over
    assert (page.running, page.go["interactive"]) == (None, True)


def test_a_prompt_that_is_too_long_says_which_words_are_cut(handlers):
    page = draw(handlers, prompt="a red ball " * 5 + "left of the blue star")
    assert "cut" in page.prompt_message
    assert "blue star" in page.prompt_message


def stop_after(handlers, told, kept=None, own=False, **changes):
    """The page after Stop is pressed when so many steps were told."""
    pages = []
    for page in handlers.draw(kept, own, None, *request(**changes), *LOOK):
        pages.append(page)
        if len(pages) == 1:
            running = page.running
        if len(pages) == told + 1:
            button, said = handlers.halt(running)
            assert not button["interactive"]
            assert "Stopping" in said
    return last(pages)


def test_while_drawing_nothing_is_handed_on_and_afterwards_all_is(handlers):
    waiting = ("go", "other", "phrases", "to_compare", "to_attention", "check")
    pages = list(handlers.draw(None, False, None, *request(), *LOOK))
    assert not any(getattr(pages[0], name)["interactive"] for name in waiting)
    assert all(getattr(last(pages), name)["interactive"] for name in waiting)
    stopped = stop_after(handlers, 1, steps=100)
    assert all(getattr(stopped, name)["interactive"] for name in waiting)


def test_a_drawing_can_be_stopped_before_its_turn(handlers, first):
    waiting = handlers.wait(None)
    assert "Waiting for another drawing" in waiting.sampling_message
    assert (waiting.go["interactive"], waiting.halt["interactive"]) == (False, True)
    handlers.halt(waiting.running)
    page = last(handlers.draw(None, False, waiting.running, *request(steps=100), *LOOK))
    assert "before the first step" in page.sampling_message
    assert f"seed {first.generation.seed}" in page.picture
    assert page.session is SKIP
    assert (page.running, page.go["interactive"]) == (None, True)


def test_whoever_asks_while_drawing_leaves_stop_to_that_drawing(handlers):
    assert handlers.wait(Event()) == Page()


def test_stop_brings_the_picture_from_before_back(handlers, first):
    page = stop_after(handlers, 1, steps=100)
    assert page.session is SKIP
    assert page.cards is SKIP
    assert "under-way" not in page.picture
    assert f"seed {first.generation.seed}" in page.picture
    assert "Stopped at step" in page.sampling_message
    assert (page.go["interactive"], page.halt["interactive"]) == (True, False)


def test_stop_keeps_the_pictures_that_were_finished(handlers):
    pages = []
    for page in handlers.draw(None, False, None, *request(steps=3, count=4), *LOOK):
        pages.append(page)
        if page.strip is not SKIP and "<button" in page.strip:
            pages[0].running.set()
    page = last(pages)
    assert 1 <= len(page.session.drawn) < 4
    assert f"{len(page.session.drawn)} of 4 pictures" in page.sampling_message
    assert page.session.found is not None


def test_a_page_that_is_closed_ends_the_sampler(handlers):
    pages = handlers.draw(None, False, None, *request(steps=100, count=4), *LOOK)
    running = next(pages).running
    next(pages)
    assert not running.is_set()
    pages.close()  # as gradio does when the visitor is gone
    assert running.is_set()


def test_an_error_leaves_the_page_usable_and_is_not_hidden(handlers, monkeypatch, backbone):
    monkeypatch.setattr(type(backbone), "decode_latents", lambda *_: 1 / 0)
    pages = []
    drawing = handlers.draw(None, False, None, *request(), *LOOK)
    with pytest.raises(ZeroDivisionError):
        pages.extend(drawing)  # up to the error
    page = last(pages)
    assert "Drawing failed" in page.sampling_message
    assert "division" not in page.sampling_message
    assert page.go["interactive"]


def test_few_steps_fall_back_to_noising_and_say_so(handlers, segmenter):
    page = draw(handlers, steps=2)
    generation = page.session.generation
    assert generation.feature_timestep is None
    assert "300 to 499" in page.note
    assert "timestep 400" in page.note
    assert not page.check["interactive"]
    exact = segmenter.compare_generated(generation, ["blue star"], reuse=False)
    found = page.session.found.at(0.5)["ldznet"]
    assert np.array_equal(found.mask, exact["ldznet"].mask)


def test_a_session_keeps_the_last_request_alone_on_the_processor(handlers):
    session = draw(handlers, count=2).session
    session = draw(handlers, session, True, count=1, seed=9).session
    assert [drawn.generation.seed for drawn in session.drawn] == [9]
    for tensor in session.generation.features.values():
        assert tensor.dtype == torch.float16
        assert tensor.device.type == "cpu"


def test_new_phrases_run_the_networks_and_dropping_one_does_not(handlers, first, monkeypatch):
    page = last([handlers.find(report, None, False, ["ball", "red ball"], *LOOK)])
    assert page.session.found.phrases == ("red ball", "ball")  # as the buttons stand
    monkeypatch.setattr(type(handlers.models.segmenter), "compare_generated", None)
    fewer = handlers.find(report, page.session, True, ["ball"], *LOOK)
    assert fewer.cards.count("<tbody><tr>") == 3
    assert ">ball</th>" in fewer.cards
    assert ">red ball</th>" not in fewer.cards


def test_a_phrase_keeps_its_buttons_colour(handlers):
    both = handlers.find(report, None, False, ["red ball", "ball"], *LOOK)
    alone = handlers.find(report, both.session, True, ["ball"], *LOOK)
    third = "#009E73"  # Okabe and Ito's, for "ball" stands after "red ball" and "red"
    assert third in both.cards
    assert third in alone.cards
    assert "#E69F00" not in alone.cards


def test_nothing_chosen_is_no_error(handlers, no_model):
    for page in (
        handlers.find(report, None, False, [], *LOOK),
        handlers.look(None, False, [], *LOOK),
    ):
        assert "Choose a word above" in page.cards
        assert "<table" not in page.cards


def test_other_phrases_are_added_and_unknown_words_named(handlers):
    page = handlers.find_other(report, None, False, "the tree, bal", ["red ball"], *LOOK)
    assert page.session.offered[-2:] == ("the tree", "bal")
    assert page.phrases["value"] == ["red ball", "the tree", "bal"]
    assert "never seen" in page.phrases_message
    assert "bal→ball" in page.phrases_message
    assert page.other["value"] == ""
    event = SimpleNamespace(pick="bal→ball")
    chosen = page.phrases["value"]
    better = handlers.replace_word(report, event, page.session, True, chosen, *LOOK)
    assert better.phrases["value"] == ["red ball", "ball", "the tree"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least one"),
        ("red " * 40, "too long"),
        ("word " * 60, "at most 200"),
        (",".join(f"ball {number}" for number in range(16)), "At most 16"),
    ],
)
def test_phrases_that_cannot_be_used_leave_everything(handlers, text, said):
    page = handlers.find_other(report, None, False, text, ["red ball"], *LOOK)
    changed = {name: value for name, value in page._asdict().items() if value is not SKIP}
    assert {name for name, value in changed.items() if value} == {"phrases_message"}
    assert said in changed["phrases_message"]


def test_another_picture_is_searched_for_the_same(handlers, first, segmenter):
    event = SimpleNamespace(pick="1")
    page = handlers.pick_picture(event, None, False, ["red ball"], *LOOK)
    generation = first.drawn[1].generation
    assert page.session.generation is generation
    assert f"seed {generation.seed}" in page.picture
    expected = segmenter.compare_generated(generation, ["red ball"])["znet"]
    assert np.array_equal(page.session.found.at(0.5)["znet"].mask, expected.mask)


def test_controls_act_without_a_model(handlers, no_model):
    seen = {
        handlers.look(None, False, ["red ball"], view, 0.5, 0.45).cards
        for view in ("overlay", "mask", "heat", "contour", "cutout")
    }
    assert len(seen) == 5
    page = handlers.look(None, False, ["red ball"], "mask", 0.9, 0.45)
    assert "0.90" in page.settings
    assert page.session is SKIP


def test_the_exact_path_is_compared_in_masks_and_time(handlers, first, segmenter):
    threshold = 0.49
    look = ("mask", threshold, 0.45)
    page = handlers.compare_exactly(report, None, False, ["red ball"], *look)
    masks = [
        segmenter.compare_generated(first.generation, ["red ball"], ["ldznet"], reuse=reuse)[
            "ldznet"
        ]
        .at(threshold)
        .mask[0]
        for reuse in (True, False)
    ]
    union = (masks[0] | masks[1]).sum()
    said = "both empty" if not union else f"{(masks[0] & masks[1]).sum() / union:.2f}"
    assert f"<td>{said}</td>" in page.exact
    assert f"{masks[0].mean() * 100:.1f} %" in page.exact
    assert f"{masks[1].mean() * 100:.1f} %" in page.exact
    assert "of its time" in page.exact
    again = handlers.look(page.session, True, ["red ball"], "mask", 0.9, 0.45)
    assert again.exact not in ("", page.exact)
    wider = handlers.find(report, page.session, True, ["red ball", "ball"], *LOOK)
    assert wider.exact == ""


def test_pictures_put_away_are_said_to_be_and_the_page_is_as_it_opened(handlers, first):
    for page in (
        handlers.find(report, None, True, ["blue star"], *LOOK),
        handlers.look(None, True, ["blue star"], *LOOK),
        Page(*handlers.hand_to_compare(None, True, [])[2:]),
    ):
        assert "put away" in page.phrases_message
        assert (page.session, page.own) == (None, False)
        assert page.phrases["choices"] == list(first.offered)
        assert f"seed {first.generation.seed}" in page.picture
    with pytest.raises(InputError, match="put away"):
        handlers.take("picture", None, True, [], *LOOK)


def test_user_text_is_no_html(handlers):
    page = draw(handlers, prompt="<b>ball</b> & <i>", negative_prompt="<u>")
    for shown in (page.cards, page.picture, page.settings, page.prompt_message, page.note):
        assert not {"<b>ball", "<i>", "<u>"} & {shown[at : at + 7] for at in range(len(shown))}
        assert "<b>ball" not in shown
    assert "&lt;b&gt;" in page.settings


def test_an_example_prompt_fills_every_input(handlers):
    for place, request in enumerate(EXAMPLE_PROMPTS):
        values = handlers.pick_prompt(SimpleNamespace(pick=str(place)))
        assert values == (
            request.prompt,
            request.negative_prompt,
            request.steps,
            request.guidance,
            request.seed,
            request.count,
        )


def test_the_dice_throw_other_seeds(handlers):
    seeds = {handlers.throw_dice() for _ in range(4)}
    assert len(seeds) > 1
    assert all(0 <= seed < 2**53 for seed in seeds)  # exact in a browser


def test_the_picture_is_handed_on_anew_each_time(handlers, first):
    picture, tabs, *_ = handlers.hand_to_compare(None, False, ["red ball"])
    assert isinstance(picture, Picture)
    assert picture.ask == ("red ball",)
    assert picture.image is first.generation.image
    assert tabs.selected == "Compare"
    assert hash(picture) != hash(handlers.hand_to_compare(None, False, ["red ball"])[0])
    drawing, tabs, *_ = handlers.hand_to_attention(None, False)
    assert drawing.generation is first.generation
    assert drawing.backbone == "random"
    assert tabs.selected == "Attention & features"


def test_downloads_are_lossless(handlers, first):
    name, content = handlers.take("picture", None, False, ["red ball"], *LOOK)
    assert name == "generated-seed-5.png"
    assert np.array_equal(np.array(Image.open(io.BytesIO(content))), first.generation.image)
    look = ("overlay", 0.3, 0.45)
    name, content = handlers.take("everything", None, False, ["red ball"], *look)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        masks = {
            network: np.array(Image.open(archive.open(f"{network}-1-red-ball.png")))
            for network in ("ldznet", "znet", "rgbnet")
        }
        cut = np.array(Image.open(archive.open("ldznet-1-red-ball-cut-out.png")))
        assert "generate(" in archive.read("reproduce.py").decode()
    for network, found in first.found.at(0.3).items():
        assert np.array_equal(masks[network] > 0, found.mask[0])
    assert np.array_equal(cut[..., 3], masks["ldznet"])
    for kind in ("masks", "cut-outs"):
        with pytest.raises(InputError, match="Choose a word"):
            handlers.take(kind, None, False, [], *LOOK)
