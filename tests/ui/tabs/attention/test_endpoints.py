"""The explorer's endpoints through gradio's own client, with good input and bad."""

import json

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from ldznet.data.shapes import draw_scene
from ldznet.inspection import attention_words, fusion_point, subject_of_image

SCENE = draw_scene(31, "photo", "pair").image


@pytest.fixture(scope="module")
def client(server, tmp_path_factory):
    client = Client(
        server.url, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads"))
    )
    yield client
    client.close()


@pytest.fixture(scope="module")
def call(client, tmp_path_factory):
    """Calls an endpoint with the scene at twice its size."""
    path = tmp_path_factory.mktemp("scene") / "scene.png"
    Image.fromarray(SCENE.repeat(2, axis=0).repeat(2, axis=1)).save(path)

    def call(endpoint, phrase="red ball", image=path, **options):
        return client.predict(handle_file(image), phrase, api_name=endpoint, **options)

    call.path = path
    return call


def arrays(answer):
    with np.load(answer["arrays"]) as file:
        return dict(file)


def test_words_come_as_maps_figure_and_arrays(call, pocket):
    answer = call("/attention_words", timestep=250, blocks=[3, 11], seed=7)
    expected = attention_words(
        pocket.backbone,
        subject_of_image(pocket, call.path),
        "red ball",
        timestep=250,
        blocks=[3, 11],
        seed=7,
    )
    given = arrays(answer)
    assert np.allclose(given["maps"], expected.maps, atol=1e-5)  # threads may round
    assert json.loads(str(given["settings"]))["seed"] == answer["seed"] == 7
    assert (answer["timestep"], answer["blocks"], answer["phrase"]) == (250, [3, 11], "red ball")
    assert [word["word"] for word in answer["words"] if not word["special"]] == ["red", "ball"]
    for word, values in zip(answer["words"], expected.maps, strict=True):
        assert word["highest"] == pytest.approx(values.max(), abs=1e-4)
        with Image.open(word["map"]) as drawn:
            assert (drawn.format, drawn.size) == ("PNG", (128, 128))
    assert Image.open(answer["figure"]).format == "PNG"


def test_a_point_is_given_in_pixels_of_the_image_sent(call, pocket):
    answer = call("/attention_point", x=200, y=50, block=14, fusion_block=8)
    assert answer["self_attention"]["cell"] == [50 // 8, 200 // 8]  # 32 cells over 256 pixels
    subject = subject_of_image(pocket, call.path)
    noise = {"timestep": answer["timestep"], "seed": answer["seed"]}
    expected = fusion_point(pocket, subject, "red ball", 100, 25, block=8, **noise)
    given = arrays(answer)
    assert np.allclose(given["fusion"], expected.map, atol=1e-5)
    assert answer["fusion"]["mean_token"] == pytest.approx(expected.pooled_share, abs=1e-5)
    assert given["self_attention"].sum() == pytest.approx(1, abs=1e-4)
    assert np.array(Image.open(answer["fusion"]["map"])).shape == (128, 128, 3)


def test_features_come_as_two_strips(call):
    answer = call("/feature_maps", block=9)
    times, blocks = answer["over_timesteps"], answer["over_blocks"]
    assert [frame["label"] for frame in times["frames"]] == [
        f"timestep {timestep}" for timestep in range(50, 1000, 100)
    ]
    assert [frame["label"] for frame in blocks["frames"]] == [
        f"block {number}" for number in range(1, 17)
    ]
    assert times["blocks"] == [9]
    given = arrays(times)
    drawn = np.array(Image.open(times["frames"][0]["map"]))
    cell = given["timestep_50"][0, 0]
    assert np.abs(drawn[0, 0] / 255 - cell).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize(
    ("endpoint", "options", "sentence"),
    [
        ("/attention_words", {"phrase": " "}, "empty"),
        ("/attention_words", {"phrase": "red " * 45}, "too long"),
        ("/attention_words", {"blocks": [17]}, "1 to 16"),
        ("/attention_words", {"blocks": []}, "list of numbers"),
        ("/attention_words", {"blocks": ["x"]}, "whole number"),
        ("/attention_words", {"blocks": {"a": 1}}, "list of numbers"),
        ("/attention_words", {"timestep": 1000}, "999"),
        ("/attention_words", {"seed": -1}, "seed"),
        ("/attention_point", {"x": 256, "y": 0}, "outside the image"),
        ("/attention_point", {"x": 0, "y": -1}, "outside the image"),
        ("/attention_point", {"x": 0, "y": 0, "fusion_block": 3}, "choose from 6"),
        ("/attention_point", {"x": None, "y": 0}, "whole number"),
        ("/feature_maps", {"block": 0}, "1 to 16"),
        ("/feature_maps", {"block": 2.5}, "whole number; got 2.5"),
        ("/attention_words", {"timestep": "abc"}, "timestep as a whole number"),
        ("/attention_words", {"seed": 1.5}, "seed as a whole number; got 1.5"),
        ("/attention_words", {"seed": None}, "seed as a whole number"),
        ("/attention_point", {"x": "a", "y": 0}, "x as a whole number"),
        ("/attention_point", {"x": 0, "y": 0, "fusion_block": "x"}, "block as a whole number"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, endpoint, options, sentence):
    with pytest.raises(AppError, match=sentence) as caught:
        call(endpoint, **options)
    assert "\n" not in str(caught.value)
    assert "/" not in str(caught.value)


def test_unknown_words_are_named(call):
    assert call("/attention_words", "red dragon")["unknown_words"] == ["dragon"]


def test_a_file_that_is_no_picture_is_refused(call, tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(b"this is no picture")
    with pytest.raises(AppError, match="not an image"):
        call("/attention_words", image=path)


def test_every_endpoint_explains_itself(client):
    described = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    for name, parameters in {
        "/attention_words": {"image", "phrase", "timestep", "blocks", "seed"},
        "/attention_point": {
            "image", "phrase", "x", "y", "timestep", "block", "fusion_block", "seed",
        },
        "/feature_maps": {"image", "phrase", "timestep", "block", "seed"},
    }.items():  # fmt: skip
        assert {each["parameter_name"] for each in described[name]["parameters"]} == parameters
        assert described[name]["description"].startswith("Show ")
