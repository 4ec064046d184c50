"""The page in a real browser, as a visitor uses it."""

import io
import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from ldznet.data.shapes import draw_scene, phrases


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A scene's file, a phrase about it and its truth."""
    scene = draw_scene(31, "photo", "pair")
    path = tmp_path_factory.mktemp("picture") / "upload me.png"
    Image.fromarray(scene.image).save(path)
    return path, phrases(scene)[0]


def answer(page):
    """What the cards say and show."""
    return page.locator("#cards").inner_html()


def wait_for_change(page, before):
    page.wait_for_function(
        "before => document.querySelector('#cards').innerHTML !== before", arg=before
    )
    page.wait_for_timeout(100)  # the last of what changes together


def move_threshold(page, value):
    box = page.locator("#threshold input[type=number]")
    box.fill(value)
    box.press("Tab")


def run(page, picture):
    path, phrase = picture
    page.get_by_label("Remove Image").click()
    page.locator("#picture input[type=file]").set_input_files(path)
    page.wait_for_function("document.querySelector('#picture img')?.naturalWidth === 128")
    box = page.locator("#phrases textarea")
    box.fill(f"{phrase.text}, purple moon")
    box.press("Enter")
    page.wait_for_selector(".settings:has-text('upload_me.png')")


def test_the_first_view_is_a_finished_comparison(page):
    assert page.locator(".card").count() == 3
    assert page.locator(".card .layer").count() == 3
    assert page.evaluate("document.activeElement.closest('#phrases') !== null")
    assert page.locator(".gallery button").count() >= 8
    assert page.locator(".agreement tbody tr").count() == 3
    pair = page.locator("#pair img")
    assert pair.count() == 2


def test_upload_type_enter(page, picture):
    run(page, picture)
    rows = page.locator(".card.ldznet tbody tr")
    assert rows.count() == 2
    assert picture[1].text in rows.first.inner_text()
    assert "128 × 128" in page.locator(".settings").inner_text()
    labels = page.locator("#shown label").all_inner_texts()
    assert [label.strip() for label in labels] == [picture[1].text, "purple moon"]


def test_the_threshold_acts_without_a_model_run(page, picture):
    run(page, picture)
    times = page.locator(".card .time").all_inner_texts()
    for threshold in ("0.2", "0.99"):
        before = answer(page)
        move_threshold(page, threshold)
        wait_for_change(page, before)
        page.wait_for_selector(f".settings:has-text('{float(threshold):.2f}')")
    move_threshold(page, "1")
    page.wait_for_selector(".card td.nothing:has-text('above 1.00')")
    said = page.locator(".card.ldznet td.nothing").first.inner_text()
    assert re.search(rf"No pixel above 1.00 for '{picture[1].text}'; highest 0\.\d\d", said)
    assert page.locator(".card .time").all_inner_texts() == times


def test_every_view_and_a_phrase_filter(page):
    for name in ("Mask", "Heat map", "Contours", "Errors", "Overlay"):
        before = answer(page)
        page.locator("#view label", has_text=name).click()
        wait_for_change(page, before)
        assert page.locator(".card .layer").count() == 3
    rows = page.locator(".card.ldznet tbody tr")
    before = rows.count()
    page.locator("#shown label").first.click()
    page.wait_for_function(
        f"document.querySelectorAll('.card.ldznet tbody tr').length === {before - 1}"
    )


def test_a_column_is_turned_on_and_off(page):
    page.locator("#columns label", has_text="Attention").click()
    page.wait_for_selector(".card.attention .layer")
    assert page.locator(".card .layer").count() == 4
    rows = page.locator(".card.rgbnet tbody tr").count()
    assert page.locator(".card.attention tbody tr").count() == rows > 1
    page.wait_for_function("document.querySelectorAll('.agreement tbody tr').length === 6")
    page.locator("#columns label", has_text="RGBNet").click()
    page.wait_for_selector(".card.rgbnet", state="detached")
    page.locator("#columns label", has_text="Own mask").click()
    page.wait_for_selector(".card.own:has-text('Give a mask')")
    page.locator("#own input[type=file]").set_input_files("examples/photo-118-truth-2.png")
    page.wait_for_selector(".card.own .layer")
    assert "No mask was given." in page.locator(".card.own tbody").inner_text()
    page.locator(".gallery button").nth(3).click()
    page.wait_for_selector(".settings:has-text('example flat')")
    page.wait_for_selector(".card.attention .layer")  # runs, for no example holds it


def test_an_example_and_a_new_scene_answer(page):
    page.locator(".gallery button").nth(3).click()
    page.wait_for_selector(".settings:has-text('example flat')")
    named = page.locator("#phrases textarea").input_value().split(", ")
    assert page.locator(".card.znet tbody tr").count() == len(named)
    page.locator("#new-scene").click()
    page.wait_for_selector(".settings:has-text('scene')")
    number = page.locator("#scene input").input_value()
    assert f"scene {number}," in page.locator(".settings").inner_text()
    overlaps = page.locator(".card.ldznet tbody td:last-child").all_inner_texts()
    assert "–" not in overlaps  # the truth is known


def test_downloads_are_lossless_and_complete(page, picture):
    run(page, picture)
    with page.expect_download() as download:
        page.locator("#downloads button", has_text="Everything").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        said = json.loads(archive.read("segmentation.json"))
        probability = np.load(io.BytesIO(archive.read("probabilities.npz")))
        for name, network in said["networks"].items():
            for row, phrase in enumerate(network["phrases"]):
                mask = np.array(Image.open(io.BytesIO(archive.read(phrase["mask"]))))
                assert np.array_equal(mask, (probability[name][row] > 0.5) * np.uint8(255))
                assert phrase["area"] == (mask > 0).sum()
        image = np.array(Image.open(io.BytesIO(archive.read("image.png"))))
        names = archive.namelist()
    assert np.array_equal(image, np.array(Image.open(picture[0])))
    assert sum("cut-out" in name for name in names) == 6
    with page.expect_download() as download:
        page.locator("#downloads button", has_text="Masks").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert len(archive.namelist()) == 6


def test_complaints_stand_beside_their_control_and_keep_the_result(page):
    before = answer(page)
    box = page.locator("#phrases textarea")
    box.fill(" , ")
    page.locator("#run").click()
    page.wait_for_selector("#phrases-message .error")
    box.fill("word " * 500)
    page.locator("#run").click()
    page.wait_for_selector("#phrases-message:has-text('characters')")
    assert answer(page) == before


def test_an_unknown_word_is_named_and_replaced_by_a_click(page):
    page.locator("#phrases textarea").fill("red umbrela")
    page.locator("#phrases textarea").press("Enter")
    page.wait_for_selector("#phrases-message:has-text(\"never seen 'umbrela'\")")
    page.locator("#phrases-message button", has_text="umbrella").first.click()
    page.wait_for_selector("#shown label:has-text('red umbrella')")
    assert page.locator("#phrases textarea").input_value() == "red umbrella"


def test_a_phone_shows_ld_znet_first_and_nothing_wider_than_itself(open_page):
    page = open_page(390, 844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tops = [
        page.locator(selector).bounding_box()["y"]
        for selector in ("#picture", "#phrases", "#run", ".card.ldznet", ".card.rgbnet")
    ]
    assert tops == sorted(tops)


def test_the_about_tab_explains(page):
    page.get_by_role("tab", name="About").click()
    page.wait_for_selector(".about:has-text('What it cannot do')", state="visible")
    heads = page.locator(".measured thead th")
    assert heads.all_inner_texts() == ["RGBNet", "ZNet", "LD-ZNet"]
