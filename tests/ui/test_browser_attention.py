"""The explorer in a real browser, as a visitor uses it."""

import io

import numpy as np
import pytest
from PIL import Image

from ldznet.data.shapes import draw_scene


@pytest.fixture
def explorer(open_page):
    def open_explorer(width=1440, height=900):
        page = open_page(width, height)
        tab = page.get_by_role("tab", name="Attention & features")
        if not tab.is_visible():  # a phone keeps the last tabs in a menu
            page.locator(".overflow-menu button").first.click()
            tab = page.locator(".overflow-dropdown button", has_text="Attention & features")
        tab.click()
        page.wait_for_selector("#view-words .sight", state="visible")
        return page

    return open_explorer


def turn_to(page, view):
    page.locator("#views").get_by_role("tab", name=view).click()


_CONTENT = """view => {
  const shown = document.querySelector(`#view-${view} .html-container`);
  const maps = [...shown.querySelectorAll('img')].map((image) => image.src);
  return [shown.innerText, ...maps].join();
}"""


def content(page, view):
    """What a view says and the maps it shows."""
    return page.evaluate(_CONTENT, view)


def wait_for_change(page, view, before):
    page.wait_for_function(f"([view, before]) => ({_CONTENT})(view) !== before", arg=[view, before])


def test_every_view_is_filled_at_once_and_a_complaint_leaves_it_so(explorer):
    page = explorer()
    for view, name, count in (
        ("point", "Where a point looks", 3),
        ("features", "Features as colours", 26),
        ("text", "What text changes", 3),
        ("latent", "The latent", 7),
        ("words", "Words", 5),
    ):
        turn_to(page, name)
        page.wait_for_selector(f"#view-{view} .sight", state="visible")
        assert page.locator(f"#view-{view} .sight").count() == count
    before = content(page, "words")
    page.locator("#explore-phrase textarea").fill("word " * 100)
    page.locator("#explore-run").click()
    page.wait_for_selector("#explore-phrase-message .error")
    assert content(page, "words") == before


def test_an_example_a_word_and_other_blocks(explorer):
    page = explorer()
    page.locator("#explore-gallery button").nth(2).click()
    page.wait_for_selector("#explore-settings:has-text('photo-118')")
    assert page.locator("#explore-phrase textarea").input_value() == "pink umbrella"
    large = page.locator("#view-words figcaption")
    assert large.inner_text() == "umbrella"
    before = content(page, "words")
    page.locator("#view-words .tiles button", has_text="pink").click()
    wait_for_change(page, "words", before)
    assert large.inner_text() == "pink"
    assert page.locator("#view-words [aria-pressed=true]").inner_text().startswith("pink")
    before = content(page, "words")
    page.locator("#preset label", has_text="4×").click()
    wait_for_change(page, "words", before)
    page.wait_for_function(
        "document.querySelector('#explore-code').innerText.includes('blocks 5 6 8 9 10')"
    )


def test_a_click_a_key_and_a_block_change_where_the_point_looks(explorer):
    page = explorer()
    turn_to(page, "Where a point looks")
    stage = page.locator("#view-point .sight").first
    stage.wait_for(state="visible")
    before = content(page, "point")
    box = stage.bounding_box()
    stage.click(position={"x": box["width"] * 0.75, "y": box["height"] * 0.25})
    wait_for_change(page, "point", before)
    x = int(page.locator("#point-x input").input_value())
    assert abs(x - 96) <= 1
    page.wait_for_function("document.activeElement.matches('[data-point]')")
    before = content(page, "point")
    page.keyboard.press("ArrowLeft")
    wait_for_change(page, "point", before)
    assert int(page.locator("#point-x input").input_value()) < x
    before = content(page, "point")
    page.locator("#fusion-block label", has_text="6").click()
    wait_for_change(page, "point", before)
    page.locator("#point-x input").fill("500")
    page.wait_for_selector("#point-message .error:has-text('outside the picture')")

    turn_to(page, "Features as colours")
    page.locator("#view-features [data-pick='timesteps:650']").click()
    page.wait_for_selector("#explore-settings:has-text('650')")
    assert page.locator("#explore-timestep input[type=number]").input_value() == "650"
    turn_to(page, "What text changes")
    page.wait_for_selector("#view-text .sight", state="visible")
    page.locator("#explore-timestep input[type=number]").fill("150")
    page.wait_for_selector("#explore-settings:has-text('150')")


def test_an_upload_is_looked_into_and_taken_home(explorer, tmp_path):
    page = explorer()
    path = tmp_path / "mine.png"
    Image.fromarray(draw_scene(31, "photo", "pair").image).save(path)
    page.locator("#explore-picture").get_by_label("Remove Image").click()
    page.locator("#explore-picture input[type=file]").set_input_files(path)
    page.wait_for_selector("#explore-settings:has-text('mine.png')")
    page.locator("#explore-phrase textarea").fill("red dragon")
    page.locator("#explore-run").click()
    page.wait_for_selector("#explore-phrase-message:has-text(\"never seen 'dragon'\")")
    page.wait_for_selector("#explore-settings:has-text('red dragon')")
    with page.expect_download() as download:
        page.locator("#view-words [data-take='npz:words']").click()
    with np.load(download.value.path()) as arrays:
        assert "".join(arrays["words"][1:-1]) == "reddragon"  # a strange word comes in pieces
    with page.expect_download() as download:
        page.locator("#view-words [data-take='png:words']").click()
    figure = Image.open(io.BytesIO(download.value.path().read_bytes()))
    assert figure.format == "PNG"
    assert figure.width > 400


def test_a_phone_shows_nothing_wider_than_itself(explorer):
    page = explorer(390, 844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tops = [
        page.locator(selector).first.bounding_box()["y"]
        for selector in ("#explore-picture", "#explore-phrase", "#explore-run", "#view-words")
    ]
    assert tops == sorted(tops)
