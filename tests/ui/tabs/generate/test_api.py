"""The tab's endpoints through gradio's own client, with good input and bad."""

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from ldznet.backbone import generate
from ldznet.networks import NETWORKS

PROMPT = "a photo of a red ball on grass"


@pytest.fixture(scope="module")
def client(server, tmp_path_factory):
    client = Client(
        server.url, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads"))
    )
    yield client
    client.close()


@pytest.fixture(scope="module")
def drawn(pocket):
    return generate(pocket.backbone, PROMPT, steps=6, seed=4)


def test_pictures_are_those_of_their_seeds(client, drawn):
    found = client.predict(PROMPT, "", 6, 4, 3, 2, api_name="/generate")
    assert [picture["seed"] for picture in found["pictures"]] == [3, 4]
    image = np.array(Image.open(found["pictures"][1]["image"]))
    assert np.array_equal(image, drawn.image)
    assert found["pictures"][1]["feature_timestep"] == drawn.feature_timestep
    assert (found["prompt"], found["steps"], found["guidance"]) == (PROMPT, 6, 4)
    assert found["unknown_words"] == []
    assert "networks" not in found["pictures"][0]


@pytest.mark.parametrize("reuse", [True, False])
def test_masks_are_those_of_the_segmenter(client, drawn, pocket, reuse):
    found = client.predict(
        PROMPT, "", 6, 4, 4, 1, ["red ball", "dragon"], 0.3, reuse, api_name="/generate_and_segment"
    )
    (picture,) = found["pictures"]
    assert picture["reused"] is reuse
    assert found["unknown_words"] == ["dragon"]
    expected = pocket.compare_generated(drawn, ["red ball", "dragon"], reuse=reuse)
    assert list(picture["networks"]) == list(NETWORKS)
    for name, network in picture["networks"].items():
        assert [row["phrase"] for row in network["phrases"]] == ["red ball", "dragon"]
        mask = np.array(Image.open(network["phrases"][0]["mask"]))
        assert set(np.unique(mask)) <= {0, 255}
        assert ((mask > 0) != expected[name].at(0.3).mask[0]).mean() < 0.001  # threads may round


def test_without_phrases_the_prompt_is_asked_and_few_steps_are_not_reused(client):
    found = client.predict(PROMPT, "", 2, 4, 0, 1, None, api_name="/generate_and_segment")
    (picture,) = found["pictures"]
    rows = picture["networks"]["ldznet"]["phrases"]
    assert [row["phrase"] for row in rows] == ["red ball", "grass"]
    assert picture["feature_timestep"] is None
    assert picture["reused"] is False


def test_parameters_are_documented(client):
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    names = [parameter["parameter_name"] for parameter in named["/generate"]["parameters"]]
    assert names == ["prompt", "negative_prompt", "steps", "guidance", "seed", "count"]
    more = [each["parameter_name"] for each in named["/generate_and_segment"]["parameters"]]
    assert more == [*names, "phrases", "threshold", "reuse"]
    defaults = {
        each["parameter_name"]: each["parameter_default"]
        for each in named["/generate"]["parameters"]
        if each["parameter_has_default"]
    }
    assert (defaults["steps"], defaults["guidance"], defaults["count"]) == (30, 4, 1)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompt": ""}, "empty"),
        ({"prompt": "red " * 100}, "would cut"),
        ({"steps": 0}, "from 1 to 100"),
        ({"steps": 10_000}, "from 1 to 100"),
        ({"steps": 2.5}, "whole number"),
        ({"guidance": 1000}, "guidance"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**70}, "seed"),
        ({"count": 5}, "from 1 to 4"),
        ({"phrases": [1]}, "a list of texts"),
        ({"phrases": "word " * 500}, "at most 200"),
        ({"prompt": "the of", "phrases": None}, "names nothing"),
        ({"threshold": 2}, "0 to 1"),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_sentence(client, changes, said):
    values = {
        "prompt": PROMPT,
        "negative_prompt": "",
        "steps": 2,
        "guidance": 4,
        "seed": 0,
        "count": 1,
        "phrases": ["red ball"],
        "threshold": 0.5,
        "reuse": True,
    } | changes
    with pytest.raises(AppError, match=said) as caught:
        client.predict(*values.values(), api_name="/generate_and_segment")
    assert "\n" not in str(caught.value)
    assert "/" not in str(caught.value)
