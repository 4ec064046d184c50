"""The Generate & segment tab in a real browser, as a visitor uses it."""

import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def tab(page):
    open_tab(page)
    return page


def open_tab(page):
    page.get_by_role("tab", name="Generate & segment").click()
    page.wait_for_selector("#drawing .card", state="visible")


def write(page, place, text):
    box = page.locator(f"{place} textarea, {place} input").first
    box.fill(text)
    return box


def draw(page, prompt, steps=12):
    """Type a prompt and press Enter; the page when the picture is there."""
    set_steps(page, steps)
    write(page, "#prompt", prompt).press("Enter")
    page.wait_for_selector("#drawing .under-way progress")
    wait_until_ready(page)


def set_steps(page, steps):
    if not page.locator("#steps input").is_visible():
        page.locator("#generate-advanced button").first.click()
    write(page, "#steps", str(steps)).press("Tab")


def wait_until_ready(page):
    page.wait_for_selector("#go:not([disabled])")
    page.wait_for_selector("#drawing .card:not(.under-way)")


def cards(page):
    return page.locator("#generate-cards .html-container").inner_html()


def page_height(page):
    return page.evaluate("document.documentElement.scrollHeight")


def test_it_opens_on_a_finished_generation(tab):
    assert tab.locator("#generate-cards .card .layer").count() == 3
    assert tab.locator("#offered input:checked").count() == 1
    assert tab.locator("#prompts button:visible").count() in range(3, 7)
    size = tab.locator("#drawing .stage").bounding_box()
    answer = tab.locator("#generate-cards .ldznet .stage").bounding_box()
    assert size["width"] == pytest.approx(answer["width"], abs=3)
    assert size["y"] == pytest.approx(answer["y"], abs=3)
    assert "follow the prompt, not the phrase" in re.sub(
        r"\s+", " ", tab.evaluate("document.querySelector('.reuse').textContent")
    ).replace(
        "promptWhat the picture shows, in words. Here it is what the picture was drawn from.",
        "prompt",
    )

    # A page that shrinks where its end is scrolled to moves its buttons from under a press.
    before = page_height(tab)
    tab.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    tab.wait_for_timeout(200)
    assert page_height(tab) >= before


def test_draw_pick_a_word_and_see_its_mask(tab):
    tab.locator("#count label", has_text="2").click()
    draw(tab, "a photo of a blue star on grass")
    assert "12 steps in" in tab.locator("#drawing").inner_text()
    assert tab.locator("#strip button").count() == 2
    labels = tab.locator("#offered label").all_inner_texts()
    assert [label.strip() for label in labels] == ["blue star", "grass", "blue", "star"]
    assert tab.locator("#generate-cards .ldznet tbody tr").count() == 1

    tab.locator("#offered label", has_text="grass").click()
    tab.wait_for_selector("#generate-cards .ldznet tbody tr:nth-child(2)")
    tab.locator("#offered label", has_text="blue star").click()
    tab.wait_for_function(
        "document.querySelectorAll('#generate-cards .ldznet tbody tr').length === 1"
    )
    assert "grass" in tab.locator("#generate-cards .ldznet tbody").inner_text()

    before = cards(tab)
    write(tab, "#other", "red umbrela").press("Enter")
    tab.wait_for_selector("#generate-phrases-message:has-text(\"never seen 'umbrela'\")")
    tab.locator("#generate-phrases-message button", has_text="umbrella").first.click()
    tab.wait_for_selector("#offered label:has-text('red umbrella') input:checked", state="attached")
    assert cards(tab) != before

    seed = int(tab.locator("#generate-seed input").input_value())
    tab.locator("#strip button").nth(1).click()
    tab.wait_for_selector(f"#drawing:has-text('seed {seed + 1}')")
    assert f"seed {seed + 1}" in tab.locator("#strip [aria-pressed=true]").inner_text()

    tab.locator("#check").click()
    tab.wait_for_selector("#exact .trio")
    assert tab.locator("#exact tbody tr").count() == 2
    assert "of its time" in tab.locator("#exact").inner_text()


def test_a_word_picked_the_moment_the_picture_is_there_stays_picked(tab):
    set_steps(tab, 3)
    tab.evaluate("""() => {
        const pick = new MutationObserver(() => {
            const labels = [...document.querySelectorAll('#offered label')];
            const grass = labels.find((label) => label.textContent.trim() === 'grass');
            if (!grass || grass.querySelector('input').disabled) return;
            pick.disconnect();
            grass.click();
        });
        pick.observe(document.body, { subtree: true, childList: true, attributes: true });
    }""")
    write(tab, "#prompt", "a photo of a red ball on grass").press("Enter")
    tab.wait_for_selector("#generate-cards .ldznet tbody tr:nth-child(2)")
    picked = tab.locator("#offered label:has(input:checked)").all_inner_texts()
    assert [label.strip() for label in picked] == ["red ball", "grass"]


def test_stop_stops_and_everything_is_as_before(tab):
    before = cards(tab)
    set_steps(tab, 100)
    tab.locator("#count label", has_text="4").click()
    tab.locator("#go").click()
    tab.wait_for_selector("#drawing .under-way progress")
    tab.locator("#halt").click()
    tab.wait_for_selector("#sampling-message:has-text('Stopped at step')")
    wait_until_ready(tab)
    assert cards(tab) == before
    assert "30 steps in" in tab.locator("#drawing").inner_text()


def test_complaints_stand_beside_their_control_and_keep_the_result(tab):
    before = cards(tab)
    write(tab, "#prompt", "").press("Enter")
    tab.wait_for_selector("#prompt-message .error:has-text('empty')")
    write(tab, "#prompt", "red ball " * 40).press("Enter")
    tab.wait_for_selector("#prompt-message .error:has-text('would cut')")
    write(tab, "#prompt", "a red ball")
    for steps in ("0", "10000"):
        set_steps(tab, steps)
        tab.locator("#go").click()
        tab.wait_for_selector(f"#sampling-message .error:has-text('got {steps}')")
    assert cards(tab) == before


def test_downloads_and_the_other_tabs(tab):
    with tab.expect_download() as download:
        tab.locator("#generate-downloads button", has_text="Picture").click()
    shown = tab.locator("#drawing .stage img").get_attribute("src")
    inline = tab.evaluate(
        "async (uri) => [...new Uint8Array(await (await fetch(uri)).arrayBuffer())]", shown
    )
    picture = np.array(Image.open(download.value.path()))
    assert np.array_equal(picture, np.array(Image.open(io.BytesIO(bytes(inline)))))
    with tab.expect_download() as download:
        tab.locator("#generate-downloads button", has_text="Masks").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert len(archive.namelist()) == 3

    prompt = tab.locator("#prompt").locator("textarea, input").first.input_value()
    word = tab.locator("#offered label:has(input:checked)").inner_text().strip()
    tab.locator("#drawn button", has_text="Open in Compare").click()
    tab.wait_for_selector(f"#settings:has-text('{prompt}')")
    assert tab.locator("#phrases textarea").input_value() == word
    assert tab.locator("#cards .card .layer").count() == 3
    open_tab(tab)
    tab.locator("#drawn button", has_text="Look inside").click()
    tab.wait_for_selector("#attention", state="visible")


def test_a_phone_shows_the_picture_then_ld_znet_and_nothing_wider_than_itself(open_page):
    page = open_page(390, 844)
    open_tab(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    places = ("#prompt", "#go", "#drawing", "#offered", "#generate-cards .ldznet", ".card.rgbnet")
    tops = [
        page.locator(place).locator("visible=true").first.bounding_box()["y"] for place in places
    ]
    assert tops == sorted(tops)
