"""Choosing a backbone in the head of the page, in a real browser, as a visitor does."""

import re

import pytest
from gradio_client import Client, handle_file
from PIL import Image


def choose(page, name):
    """Type a name and press Enter; what is said when the backbone is there, or refused."""
    box = page.locator("#backbone input")
    before = said(page)
    box.fill(name)
    box.press("Enter")
    page.wait_for_function(
        """(before) => {
          const said = document.querySelector('#backbone-message .message')?.textContent ?? '';
          const ready = !document.querySelector('#backbone input').disabled;
          return ready && said && said !== before && !said.startsWith('Loading');
        }""",
        arg=before,
    )
    return said(page)


def said(page):
    message = page.locator("#backbone-message .message")
    return message.text_content() if message.count() else ""


def test_each_visitor_has_a_backbone_of_their_own(page, open_page, server, backbone_folder, upload):
    other = open_page(1440, 900)
    folder = str(backbone_folder)
    told = choose(page, folder)
    assert told.startswith(f"{folder} answers from the next run on")
    assert "RGBNet, ZNet and LD-ZNet have no weights for it; Attention can be asked." in told
    assert re.fullmatch("CPU · (float32|bfloat16)", page.locator(".badge").text_content())
    assert "backbone pocket" in page.locator("#settings").text_content()  # results stay
    assert not page.locator("#phrases-area .vocabulary").is_visible()
    assert other.locator("#phrases-area .vocabulary").is_visible()

    # What can answer joins the columns by itself.
    page.locator("#columns label", has_text="Attention").locator("input:checked").wait_for()
    page.locator("#phrases textarea").fill("red ball")
    page.locator("#run").click()
    page.wait_for_selector(f"#settings:has-text('backbone {folder}')")
    assert "LD-ZNet has no weights" in page.locator("#cards .ldznet").text_content()
    page.wait_for_selector("#cards .attention .layer")
    other.locator("#phrases textarea").fill("red ring")
    other.locator("#run").click()
    other.wait_for_selector("#cards .ldznet th:has-text('red ring')")
    assert "backbone pocket" in other.locator("#settings").text_content()
    answer = Client(server.url, verbose=False).predict(
        handle_file(upload), ["red ball"], api_name="/compare"
    )
    assert answer["backbone"] == "pocket"


def test_all_tabs_turn_to_it(page, backbone_folder):
    folder = str(backbone_folder)
    choose(page, folder)
    page.get_by_role("tab", name="Generate & segment").click()
    prompts = page.locator("#prompts button:visible")
    assert "a street at night with a yellow taxi" in prompts.all_text_contents()
    assert not any("flat drawing" in prompt for prompt in prompts.all_text_contents())
    page.locator("#prompt textarea").fill("a red ball")
    page.locator("#generate-advanced button").first.click()
    page.locator("#steps input").fill("4")
    page.locator("#go").click()
    page.wait_for_selector(f"#generate-settings:has-text('backbone {folder}')")
    page.wait_for_selector("#generate-cards .attention .layer")
    assert page.locator("#generate-cards .remedies section").count() == 3

    page.get_by_role("button", name="Look inside").first.click()
    page.wait_for_selector(f"#explore-settings:has-text('backbone {folder}')")
    page.get_by_role("tab", name="Where a point looks").click()
    page.wait_for_selector("#view-point:has-text('LD-ZNet has no weights')")
    assert page.locator("#view-point [data-point]").count() == 2


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("CompVis/stable-diffusion-v1-4", "HF_HUB_OFFLINE forbids to fetch it"),
        ("/no/such/place", "There is no model folder 'place'; check the path."),
    ],
)
def test_what_cannot_be_had_is_one_sentence_and_changes_nothing(page, name, sentence):
    assert sentence in choose(page, name)
    assert page.locator("#backbone-message [role=alert]").count() == 1
    assert page.locator("#backbone input").input_value() == "pocket"
    page.locator("#phrases textarea").fill("red ring")
    page.locator("#run").click()
    page.wait_for_selector("#settings:has-text('backbone pocket')")
    page.wait_for_selector("#cards .ldznet th:has-text('red ring')")


@pytest.fixture
def upload(tmp_path, picture):
    path = tmp_path / "upload.png"
    Image.fromarray(picture).save(path)
    return str(path)
