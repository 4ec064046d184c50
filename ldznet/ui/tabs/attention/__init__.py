"""The Attention & features tab: an explorer and a guided lesson."""

import gradio as gr

from ldznet.ui.models import Models
from ldznet.ui.state import Desk
from ldznet.ui.tabs.attention.explorer import build_explorer
from ldznet.ui.tabs.attention.lesson import build_lesson

EXPLORE, LESSON = "Explore", "Lesson"


def build(models: Models, desk: Desk) -> None:
    """Build the tab inside the app being built."""
    with gr.Tabs(elem_id="attention") as tabs:
        with gr.Tab(EXPLORE, id=EXPLORE):
            build_explorer(models, desk, tabs, EXPLORE)
        with gr.Tab(LESSON, id=LESSON):
            build_lesson(models, desk)
