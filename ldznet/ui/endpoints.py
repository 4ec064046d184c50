"""What the public endpoints share: how they read values, refuse them, and hand out files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from ldznet.pipeline.question import check_names
from ldznet.ui.comparison import OWN
from ldznet.ui.look import COLUMNS
from ldznet.ui.run import read_phrases
from ldznet.ui.values import is_number


@contextmanager
def refusals() -> Iterator[None]:
    """Sends clients the sentence of any ValueError inside, and nothing else."""
    try:
        yield
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from error


def check_threshold(threshold: object) -> float:
    """The threshold. Raises ValueError unless it is a probability."""
    if not is_number(threshold) or not 0 <= threshold <= 1:
        got = f"; got {threshold}" if is_number(threshold) else ""
        raise ValueError(f"The threshold is a probability, 0 to 1{got}.")
    return threshold


def read_phrase_list(asked: Any) -> tuple[str, ...]:
    """Phrases from a list of texts, or from one text parted by commas or lines.

    Raises ValueError if it is neither, there is none, or one cannot be used.
    """
    if isinstance(asked, list) and all(isinstance(phrase, str) for phrase in asked):
        asked = "\n".join(asked)
    if not isinstance(asked, str):
        raise ValueError('Send the phrases as a list of texts, for example ["red car", "tree"].')
    return read_phrases(asked)


def read_networks(asked: Any) -> tuple[str, ...] | None:
    """The names of networks from a list, each once; None, which asks for none, is left so.

    Raises ValueError if it is no list of names, or one is not known.
    """
    if asked is None:
        return None
    if not isinstance(asked, list) or not all(isinstance(name, str) for name in asked):
        raise ValueError(
            'Send the networks as a list of names, for example ["ldznet", "attention"].'
        )
    return check_names(asked, (name for name in COLUMNS if name != OWN))


def serve_file(path: Path, cache: str) -> dict[str, Any]:
    """A file as clients download it, moved to where the server keeps such files."""
    return gr.FileData(path=save_bytes_to_cache(path.read_bytes(), path.name, cache)).model_dump()


def serve_network(folder: Path, network: dict[str, Any], cache: str) -> dict[str, Any]:
    """A network's report of `write_network`, its file names replaced by the files."""
    rows = [{**row, "mask": serve_file(folder / row["mask"], cache)} for row in network["phrases"]]
    return {**network, "overlay": serve_file(folder / network["overlay"], cache), "phrases": rows}
