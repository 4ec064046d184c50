"""What the public endpoints share: how they are registered, refuse, and hand out files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from ldznet.ui.models import MODEL_QUEUE

Answer = dict[str, Any]  # JSON


def add_endpoint(endpoint: Callable[..., Answer], answer: str, **inputs: Component) -> None:
    """Register a function as the public endpoint of its name with the app being built.

    Its signature and docstring are what clients read, so each of its parameters takes one of the
    inputs of that name; besides, one that is annotated as `gr.Request` comes from gradio. A
    ValueError is the sentence that clients hear. `answer` says what comes back.
    """

    @wraps(endpoint)
    def respond(*values: Any) -> Answer:
        with refusals():
            return endpoint(*values)

    gr.Button(visible=False).click(
        respond,
        list(inputs.values()),
        gr.JSON(label=answer, visible=False),
        api_name=endpoint.__name__,
        concurrency_id=MODEL_QUEUE,
        concurrency_limit=1,
    )


@contextmanager
def refusals() -> Iterator[None]:
    """Sends clients the sentence of any ValueError inside, and nothing else."""
    try:
        yield
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from error


def keep_file(content: bytes, name: str) -> str:
    """Where the server keeps a file of this content and name for its clients."""
    return save_bytes_to_cache(content, name, get_upload_folder())


def serve_bytes(content: bytes, name: str) -> Answer:
    """The same file as clients of the endpoints download it."""
    return gr.FileData(path=keep_file(content, name)).model_dump()


def serve_file(path: Path) -> Answer:
    """A copy of a file as clients of the endpoints download it."""
    return serve_bytes(path.read_bytes(), path.name)


def serve_network(folder: Path, network: Answer) -> Answer:
    """A network's report of `write_network`, its file names replaced by the files."""
    rows = [{**row, "mask": serve_file(folder / row["mask"])} for row in network["phrases"]]
    return {**network, "overlay": serve_file(folder / network["overlay"]), "phrases": rows}
