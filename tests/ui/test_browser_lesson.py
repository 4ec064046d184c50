"""The guided lesson in a real browser, walked from its first step to its last."""

import io

import numpy as np
from PIL import Image


def open_lesson(page):
    page.get_by_role("tab", name="Attention & features").first.click()
    _wait_for_lesson(page)


def open_lesson_on_a_phone(page):
    page.get_by_label("More tabs").first.click()
    page.locator(".overflow-dropdown button", has_text="Attention").first.click()
    _wait_for_lesson(page)


def _wait_for_lesson(page):
    page.get_by_role("tab", name="Lesson").click()
    page.wait_for_selector("#lesson-1 .sight")


def turn(page, number, label="Next"):
    """Click Back or Next in a step; afterwards the other step is there."""
    page.locator(f"#lesson-{number} .lesson-turns").get_by_role("button", name=label).click()
    other = number + 1 if label == "Next" else number - 1
    page.wait_for_selector(f"#lesson-{other} .sight", state="visible")


def shown(page, number):
    return page.locator(f"#lesson-shown-{number}").inner_html()


def wait_for_change(page, number, before):
    page.wait_for_function(
        "([number, before]) =>"
        " document.querySelector(`#lesson-shown-${number}`).innerHTML !== before",
        arg=[number, before],
    )


def test_a_class_walks_from_picture_to_mask(page):
    open_lesson(page)

    box = page.locator("#lesson-phrase").locator("input, textarea").first
    box.fill("red umbrela")
    box.press("Enter")
    page.wait_for_selector("#lesson-message:has-text(\"never seen 'umbrela'\")")
    page.locator("#lesson-message button", has_text="umbrella").first.click()
    page.wait_for_selector("#lesson-1 .phrase:has-text('red umbrella')")
    assert box.input_value() == "red umbrella"
    turn(page, 1)

    before = shown(page, 2)
    page.locator("#lesson-view label", has_text="Decoded").click()
    wait_for_change(page, 2, before)
    turn(page, 2)

    slider = page.locator("#lesson-timestep input[type=number]")
    slider.fill("900")
    slider.press("Tab")
    page.wait_for_function(
        "document.querySelector('#lesson-3 .settings').innerText.includes('timestep 900')"
    )
    turn(page, 3)

    assert "timestep 900" in page.locator("#lesson-4 .settings").inner_text()
    page.locator("#lesson-4 button[data-pick='3']").click()
    page.wait_for_selector("#lesson-4 button[data-pick='3'][aria-pressed=true]")
    assert "Block 3" in page.locator("#lesson-4 figcaption").nth(1).inner_text()
    turn(page, 4)

    before = shown(page, 5)
    page.locator("#lesson-5 button[data-pick='0,0']").click()
    page.wait_for_selector("#lesson-5 button[data-pick='0,0'][aria-pressed=true]")
    assert shown(page, 5) != before
    turn(page, 5, "Back")
    turn(page, 4)
    turn(page, 5)

    assert page.locator("#lesson-6 .view").count() == 3
    assert "Next" not in page.locator("#lesson-6 .lesson-turns").inner_text()
    box = page.locator("#lesson-threshold input[type=number]")
    box.fill("1")
    box.press("Tab")
    page.wait_for_selector("#lesson-6:has-text('the highest probability is 0.')")

    with page.expect_download() as download:
        page.locator("#lesson-6 [data-take='png:lesson']").click()
    assert Image.open(download.value.path()).format == "PNG"
    with page.expect_download() as download:
        page.locator("#lesson-6 [data-take='npz:mask']").click()
    with open(download.value.path(), "rb") as file:
        assert np.load(io.BytesIO(file.read()))["ldznet"].shape == (128, 128)

    page.locator("#lesson-compare").click()
    page.wait_for_selector("#phrases", state="visible")
    page.wait_for_function("document.querySelector('#phrases textarea').value === 'red umbrella'")


def test_a_phone_shows_every_step_no_wider_than_itself(open_page):
    page = open_page(390, 844)
    open_lesson_on_a_phone(page)
    for number in range(1, 7):
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        if number < 6:
            turn(page, number)
    page.locator("#lesson-explore").click()
    page.wait_for_selector("#explore", state="visible")
