"""Where tabs leave things for one another."""

from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import gradio as gr

from ldznet.types import Generation
from ldznet.ui.comparison import Picture

COMPARE, ATTENTION = "Compare", "Attention & features"  # the tabs that things are handed to


@dataclass(frozen=True, eq=False)  # compared by identity: arrays have no single truth
class Drawing:
    """A generated picture, and the backbone whose latents it was drawn in."""

    generation: Generation
    backbone: str


Thing = TypeVar("Thing", Picture, Drawing)


class Desk(NamedTuple):
    """The tabs, to turn to another one, and what lies ready for them in this session.

    A tab hands on by setting the other's state to what `hand` gives and selecting it, with
    `gr.Tabs(selected=COMPARE)`; the other listens to `change`.
    """

    tabs: gr.Tabs
    for_compare: gr.State  # a `Picture` to compare networks on
    for_attention: gr.State  # a `Drawing` or a `Picture` to look into
    backbone: gr.State  # the name of the one chosen in the head, once it is loaded


def hand(thing: Thing) -> Thing:
    """A copy to lay on the desk: gradio tells changes by identity, so it arrives each time."""
    return replace(thing)
