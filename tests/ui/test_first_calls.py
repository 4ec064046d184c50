"""The endpoints as people first call them, with a plain HTTP client."""

import base64
import io
import json

import httpx
import pytest
from PIL import Image

from ldznet.data.shapes import draw_scene


@pytest.fixture(scope="module")
def picture():
    """A PNG's bytes."""
    file = io.BytesIO()
    Image.fromarray(draw_scene(31, "photo", "pair").image).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def data_url(picture):
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


@pytest.fixture
def call(server):
    def call(body, endpoint="compare", version=""):
        """The event and the data that a call is answered with."""
        url = f"{server.url}gradio_api/call/"
        answer = httpx.post(f"{url}{version}{endpoint}", json=body, timeout=60)
        if answer.status_code != 200:
            return str(answer.status_code), answer.json()["detail"]
        number = answer.json()["event_id"]
        stream = httpx.get(f"{url}{version}{endpoint}/{number}", timeout=120).text
        lines = [line for line in stream.splitlines() if line]
        return lines[-2].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))

    return call


@pytest.mark.parametrize("form", ["text", "url", "path"])
def test_a_picture_may_come_as_a_data_url(call, data_url, form):
    image = data_url if form == "text" else {form: data_url}
    event, (answer,) = call({"data": [image, ["red ball"], 0.5, 0, 400, ["ldznet"]]})
    assert event == "complete"
    assert (answer["width"], answer["height"]) == (128, 128)


def test_an_uploads_path_may_come_alone_and_what_is_left_out_has_its_default(server, call, picture):
    uploaded = httpx.post(f"{server.url}gradio_api/upload", files={"files": ("a.png", picture)})
    event, (answer,) = call({"data": [uploaded.json()[0], ["red ball"]]})
    assert event == "complete"
    assert (answer["threshold"], answer["seed"], answer["timestep"]) == (0.5, 0, 400)


@pytest.mark.parametrize(("version", "wrapped"), [("", True), ("", False), ("v2/", False)])
def test_values_may_come_by_name(call, data_url, version, wrapped):
    named = {"phrases": ["red ball"], "networks": ["ldznet"], "image": data_url}
    event, (answer,) = call({"data": named} if wrapped else named, version=version)
    assert event == "complete"
    assert list(answer["networks"]) == ["ldznet"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"data": [None, ["red ball"]]}, "Send an image"),
        ({"data": []}, "Send an image"),
        ({}, "Send an image"),
        ({"data": ["data:image/png;base64,iVBORw0KGgo=", ["red ball"]]}, "not an image"),
        ({"data": [{"url": "data:image/png;base64,iVBORw0KGgo="}, ["red ball"]]}, "not an image"),
        ({"data": ["data:image/png;base64,!", ["red ball"]]}, "data URL is damaged"),
        ({"data": ["data:image/svg+xml,<svg/>", ["red ball"]]}, "not in base64"),
        ({"data": ["iVBORw0KGgo=" * 1000, ["red ball"]]}, "Upload the file first"),
        ({"data": ["red-ball.png", ["red ball"]]}, "Upload the file first"),
        ({"data": [{"path": "/etc/passwd"}, ["red ball"]]}, "Upload the file first"),
        ({"data": [7, ["red ball"]]}, "Upload the file first"),
        ({"data": [{"path": "http://127.0.0.1:9/a.png"}, ["red ball"]]}, "Upload the file first"),
        ({"picture": None}, "There is no value 'picture'; send image, phrases"),
        ({"data": "red ball"}, "Send a list of values as data: image, phrases"),
        ("red ball", "The body names no values; send image, phrases"),
    ],
)
def test_anything_else_is_one_sentence(call, body, sentence):
    event, answer = call(body)
    answer = answer if event == "422" else answer["error"]
    assert event in ("error", "422")
    assert sentence in answer
    assert answer.endswith(".")
    assert "\n" not in answer


@pytest.mark.parametrize(
    ("endpoint", "sentence"),
    [
        ("generate", "The prompt is empty"),
        ("generate_and_segment", "The prompt is empty"),
        ("attention_words", "Send an image"),
        ("attention_point", "Send an image"),
        ("feature_maps", "Send an image"),
    ],
)
def test_every_endpoint_says_what_it_lacks(call, endpoint, sentence):
    event, answer = call({"data": []}, endpoint)
    assert event == "error"
    assert sentence in answer["error"]


def test_the_log_stays_clean(server):
    assert "Traceback" not in server.log.read_text()
