"""Where tabs leave things for one another."""

from typing import NamedTuple

import gradio as gr


class Desk(NamedTuple):
    """The tabs, to turn to another one, and what lies ready for them in this session.

    A tab hands on by setting the other's state and selecting it; the other listens to `change`.
    """

    tabs: gr.Tabs
    for_compare: gr.State  # a `Picture` to compare networks on
    for_attention: gr.State  # a `Generation` or a `Picture` to look into
