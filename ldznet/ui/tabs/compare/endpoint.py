"""The tab's public endpoint: a comparison as JSON, its masks as files."""

from pathlib import Path
from tempfile import TemporaryDirectory

import gradio as gr

from ldznet.images import read_image
from ldznet.networks import BASELINES, NETWORKS
from ldznet.peers import PEERS
from ldznet.results.masks import write_network
from ldznet.ui import api
from ldznet.ui.api import Answer, serve_network
from ldznet.ui.components import picture_input
from ldznet.ui.inputs import check_threshold, read_networks, read_phrase_list, read_whole
from ldznet.ui.models import Loaded, Models
from ldznet.ui.world import unknown_words

MAX_VALUES = 12_000_000  # phrases x pixels of one request


def add_endpoint(models: Models) -> None:
    """Register /compare with the app being built."""

    def compare(
        request: gr.Request,
        image: str,
        phrases: list[str] | str,
        threshold: float = 0.5,
        seed: int = 0,
        timestep: int = 400,
        networks: list[str] | None = None,
    ) -> Answer:
        """Find phrases in a picture with several networks.

        `networks` names some of {names}; by default the trained ones answer. Gives, per
        network and phrase: a lossless mask (0 or 255, the picture's size), the score (mean
        probability inside the mask), the highest probability, the area in pixels, the boxes of
        connected parts, and the network's time in seconds.
        """
        with TemporaryDirectory() as scratch:
            folder, loaded = Path(scratch), models.of_session(request.session_hash)
            answer = compare_as_json(
                loaded, folder, image, phrases, threshold, seed, timestep, networks
            )
            served = {
                name: serve_network(folder, each) for name, each in answer["networks"].items()
            }
        return {**answer, "networks": served}

    *others, last = [
        *NETWORKS,
        *(f"{name} (untrained)" for name in BASELINES),
        *(f"{name} ({peer.title}, loaded when first asked for)" for name, peer in PEERS.items()),
    ]
    compare.__doc__ = str(compare.__doc__).format(names=f"{', '.join(others)} and {last}")
    api.add_endpoint(
        compare,
        "comparison",
        image=picture_input(label="image", visible=False),
        phrases=gr.JSON(label="phrases: a list, or text parted by commas or lines", visible=False),
        # Without a precision gradio hands on what was sent, text too: it is judged below.
        threshold=gr.Number(0.5, label="threshold, 0 to 1", visible=False),
        seed=gr.Number(0, label="seed", visible=False),
        timestep=gr.Number(400, label="timestep, 0 to 999", visible=False),
        networks=gr.JSON(label="networks: a list of names", visible=False),
    )


def compare_as_json(
    loaded: Loaded,
    folder: Path,
    image: str,
    phrases: list[str] | str,
    threshold: float,
    seed: int,
    timestep: int,
    networks: list[str] | None = None,
) -> Answer:
    """The endpoint's answer; masks are written into a folder and named by it.

    Raises ValueError with one sentence for anything that cannot be done.
    """
    if not image:
        raise ValueError("Send an image.")
    check_threshold(threshold)
    seed, timestep = read_whole("seed", seed), read_whole("timestep", timestep)
    texts, picture = read_phrase_list(phrases), read_image(image)
    names = read_networks(networks)
    if len(texts) * picture.width * picture.height > MAX_VALUES:
        raise ValueError(
            f"{len(texts)} phrases in {picture.width} × {picture.height} pixels are too much for "
            "one request; send a smaller picture or fewer phrases, or use the command line."
        )
    for name in names or ():
        if name in PEERS:
            loaded.segmenter.add_peer(name)
    segmentations = loaded.segmenter.compare(picture, texts, names, seed=seed, timestep=timestep)
    return {
        "width": picture.width,
        "height": picture.height,
        "backbone": loaded.backbone,
        "seed": seed,
        "timestep": timestep,
        "threshold": threshold,
        "unknown_words": list(unknown_words(loaded, texts)),
        "networks": {
            name: write_network(folder, each.at(threshold)) for name, each in segmentations.items()
        },
    }
