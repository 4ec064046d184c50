"""Everything on the tab that an event may change; the same names hold components and values."""

from typing import Any, NamedTuple

import gradio as gr

SKIP = gr.skip()  # leaves an output as it is


class Page(NamedTuple):
    """Once the components, then what an event gives for them; what it says nothing of stays."""

    session: Any = SKIP  # state: the `Session`, or None before anything was drawn here
    own: Any = SKIP  # state: whether anything was drawn here, which outlives the session
    running: Any = SKIP  # state: the `Event` that stops the sampler
    picture: Any = SKIP
    strip: Any = SKIP
    phrases: Any = SKIP
    other: Any = SKIP
    cards: Any = SKIP
    note: Any = SKIP
    exact: Any = SKIP
    settings: Any = SKIP
    python: Any = SKIP
    shell: Any = SKIP
    prompt_message: Any = SKIP
    sampling_message: Any = SKIP
    phrases_message: Any = SKIP
    go: Any = SKIP
    halt: Any = SKIP
    check: Any = SKIP
    to_compare: Any = SKIP
    to_attention: Any = SKIP
