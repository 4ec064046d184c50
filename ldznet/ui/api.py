"""What the public endpoints share: how they refuse, and how they hand out files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache


@contextmanager
def refusals() -> Iterator[None]:
    """Sends clients the sentence of any ValueError inside, and nothing else."""
    try:
        yield
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from error


def serve_file(path: Path, cache: str) -> dict[str, Any]:
    """A file as clients download it, moved to where the server keeps such files."""
    return gr.FileData(path=save_bytes_to_cache(path.read_bytes(), path.name, cache)).model_dump()


def serve_network(folder: Path, network: dict[str, Any], cache: str) -> dict[str, Any]:
    """A network's report of `write_network`, its file names replaced by the files."""
    rows = [{**row, "mask": serve_file(folder / row["mask"], cache)} for row in network["phrases"]]
    return {**network, "overlay": serve_file(folder / network["overlay"], cache), "phrases": rows}
