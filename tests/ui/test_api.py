"""The endpoint through gradio's own client, with good input and bad."""

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from ldznet.data.shapes import draw_scene
from ldznet.networks import NETWORKS

SCENE = draw_scene(31, "photo", "pair")


@pytest.fixture(scope="module")
def client(server, tmp_path_factory):
    client = Client(
        server.url, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads"))
    )
    yield client
    client.close()


@pytest.fixture
def compare(client):
    def compare(path, phrases="red ball, tree", threshold=0.5, seed=0, timestep=400, **more):
        return client.predict(
            handle_file(path), phrases, threshold, seed, timestep, api_name="/compare", **more
        )

    return compare


@pytest.fixture
def save(tmp_path):
    """Saves an image as it is asked for; the path."""

    def save(image, name="image.png", **options):
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return save


@pytest.fixture
def scene(save):
    return save(Image.fromarray(SCENE.image))


def test_masks_come_as_files_with_scores_boxes_and_times(compare, scene):
    found = compare(scene, "the umbrella\nred ball", threshold=0.4)
    assert list(found["networks"]) == list(NETWORKS)
    assert (found["width"], found["height"]) == (128, 128)
    for network in found["networks"].values():
        assert network["seconds"] > 0
        assert [row["phrase"] for row in network["phrases"]] == ["the umbrella", "red ball"]
        for row in network["phrases"]:
            mask = np.array(Image.open(row["mask"]))
            assert mask.shape == (128, 128)
            assert set(np.unique(mask)) <= {0, 255}
            assert row["area"] == (mask > 0).sum()
            assert row["area"] == sum(box["area"] for box in row["boxes"])
            assert 0 <= row["score"] <= row["highest"] <= 1


def test_the_answer_is_that_of_the_segmenter(compare, scene, pocket):
    found = compare(scene, "blue car", threshold=0.3, seed=7, timestep=300)
    expected = pocket.compare(SCENE.image, ["blue car"], seed=7, timestep=300)
    for name, network in found["networks"].items():
        mask = np.array(Image.open(network["phrases"][0]["mask"])) > 0
        assert (mask != expected[name].at(0.3).mask[0]).mean() < 0.001  # threads may round


def test_networks_may_be_chosen_and_need_no_training(compare, scene, pocket):
    found = compare(scene, "blue car", networks=["attention", "znet"])
    assert list(found["networks"]) == ["attention", "znet"]
    expected = pocket.compare(SCENE.image, ["blue car"], ["attention"])["attention"]
    mask = np.array(Image.open(found["networks"]["attention"]["phrases"][0]["mask"])) > 0
    assert (mask != expected.mask[0]).mean() < 0.001


def test_phrases_may_come_as_a_list_or_as_text(compare, scene):
    answers = [compare(scene, phrases) for phrases in (["red ball", "tree"], "red ball, tree")]
    rows = [answer["networks"]["ldznet"]["phrases"] for answer in answers]
    assert [row["phrase"] for row in rows[0]] == ["red ball", "tree"]
    assert [row["score"] for row in rows[0]] == [row["score"] for row in rows[1]]


def test_every_item_of_a_list_has_its_row(compare, scene):
    items = ["the ball, red", "red ball", "red ball", "\u201cred ball\u201d\u200b", "a \u2014 tree"]
    found = compare(scene, items, networks=["ldznet"])
    rows = found["networks"]["ldznet"]["phrases"]
    assert [row["phrase"] for row in rows] == [*items[:3], '"red ball"', "a - tree"]
    assert rows[1]["score"] == pytest.approx(rows[2]["score"], abs=1e-4)
    assert found["unknown_words"] == []


def test_only_these_endpoints_are_offered(client):
    endpoints = client.view_api(return_format="dict", print_info=False)
    assert set(endpoints["named_endpoints"]) == {
        "/compare",
        "/generate",
        "/generate_and_segment",
        "/attention_words",
        "/attention_point",
        "/feature_maps",
    }
    assert endpoints["unnamed_endpoints"] == {}


@pytest.mark.parametrize(
    ("mode", "options"), [("RGBA", {}), ("L", {}), ("P", {}), ("1", {}), ("I;16", {})]
)
def test_any_kind_of_picture_is_read(compare, save, mode, options):
    image = Image.fromarray(SCENE.image)
    if mode == "I;16":
        image = Image.fromarray(np.full((64, 64), 30_000, np.uint16))
    found = compare(save(image.convert(mode) if mode != "I;16" else image, **options))
    assert len(found["networks"]) == 3


def test_a_photograph_on_its_side_is_turned(compare, save):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    wide = Image.fromarray(SCENE.image).resize((128, 64))
    found = compare(save(wide, "turned.jpg", exif=exif))
    assert (found["width"], found["height"]) == (64, 128)


def test_unknown_words_are_named(compare, scene):
    assert compare(scene, "red dragon")["unknown_words"] == ["dragon"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"this is no picture", "not an image"), (b"", "empty"), (b"\x89PNG\r\n\x1a\n", "image")],
)
def test_a_file_that_is_no_picture_is_refused(compare, tmp_path, content, said):
    path = tmp_path / "image.png"
    path.write_bytes(content)
    with pytest.raises(AppError, match=said):
        compare(path)


@pytest.mark.parametrize(
    ("size", "said"),
    [((1, 1), "too small"), ((1, 5000), "too small"), ((20, 5000), "too narrow")],
)
def test_hopeless_shapes_are_refused(compare, save, size, said):
    with pytest.raises(AppError, match=said):
        compare(save(Image.new("RGB", size)))


def test_a_picture_bomb_is_refused_from_its_header(compare, save):
    with pytest.raises(AppError, match="40 megapixels"):
        compare(save(Image.new("1", (9_000, 9_000))))


def test_too_much_for_one_request_is_refused(compare, save):
    many = ", ".join(f"red ball {number}" for number in range(16))
    with pytest.raises(AppError, match="too much for one request"):
        compare(save(Image.new("L", (1500, 1500))), many)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"phrases": ""}, "at least one phrase"),
        ({"phrases": " ,\n; "}, "at least one phrase"),
        ({"phrases": []}, "at least one phrase"),
        ({"phrases": [1, 2]}, "a list of texts"),
        ({"phrases": {"red": "ball"}}, "a list of texts"),
        ({"phrases": "word " * 500}, "at most 200"),
        ({"phrases": ",".join(f"ball {number}" for number in range(17))}, "At most 16"),
        ({"threshold": 1.5}, "0 to 1"),
        ({"seed": -1}, "seed"),
        ({"timestep": 1000}, "999"),
        ({"threshold": "x"}, "0 to 1"),
        ({"threshold": None}, "0 to 1"),
        ({"seed": "abc"}, "seed as a whole number"),
        ({"seed": 2.5}, "seed as a whole number; got 2.5"),
        ({"timestep": "abc"}, "timestep as a whole number"),
        ({"timestep": None}, "timestep as a whole number"),
        ({"networks": "znet"}, "networks as a list of names"),
        ({"networks": [1]}, "networks as a list of names"),
        ({"networks": []}, "No network was named"),
        ({"networks": ["own"]}, "no network 'own'; choose from rgbnet, znet, ldznet, attention"),
    ],
)
def test_settings_out_of_range_are_refused_in_one_sentence(compare, scene, changes, said):
    with pytest.raises(AppError, match=said) as caught:
        compare(scene, **changes)
    assert "\n" not in str(caught.value)
    assert "/" not in str(caught.value)


def test_files_of_the_server_cannot_be_asked_for(server, scene):
    answer = httpx.post(
        f"{server.url}gradio_api/call/compare",
        json={"data": [{"path": str(scene)}, "red ball", 0.5, 0, 400, None]},
    )
    stream = httpx.get(f"{server.url}gradio_api/call/compare/{answer.json()['event_id']}")
    assert "event: error" in stream.text
    assert "networks" not in stream.text


def test_the_log_stays_clean(server):
    assert "Traceback" not in server.log.read_text()
