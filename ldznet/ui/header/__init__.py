"""The page's head: what this is, the backbone that answers, and where it computes."""

from typing import Any

import gradio as gr

from ldznet.ui.about import OFFICIAL_CODE, PAPER
from ldznet.ui.environment import OFFERED
from ldznet.ui.header.access import is_hosted
from ldznet.ui.header.handlers import Handlers
from ldznet.ui.header.said import draw_badge
from ldznet.ui.models import Models
from ldznet.ui.widgets import html, message

_TITLE = """
<header class="title"><h1>LD-ZNet</h1>
<p>Name a thing, see where three networks find it.</p></header>
"""
_LINKS = f"""
<nav class="title"><a href="{PAPER}">paper</a><a href="{OFFICIAL_CODE}">official code</a></nav>
"""


def build(models: Models, chosen: gr.State) -> None:
    """Build the head inside the app being built; `chosen` takes the name of what was loaded."""
    with gr.Row(elem_id="head"):
        html(_TITLE, elem_id="head-title")
        backbone = gr.Dropdown(
            _choices(models),
            value=models.default,
            label="Backbone",
            show_label=False,
            container=False,
            allow_custom_value=not is_hosted(),
            filterable=not is_hosted(),
            min_width=150,
            elem_id="backbone",
        )
        badge = html(draw_badge(models.of(models.default)), elem_id="badge")
        html(_LINKS, elem_id="head-links")
    said = html(message(models.notice, "error"), elem_id="backbone-message")
    backbone.input(
        Handlers(models).choose,
        backbone,
        [backbone, badge, said, chosen],
        api_visibility="private",
        show_progress="hidden",
        concurrency_id="backbone",  # apart from the models' queue: others go on meanwhile
        concurrency_limit=1,
    )


def _choices(models: Models) -> list[str | tuple[str, Any]]:
    titles = {model: title for title, model in OFFERED.items()}
    return [(titles.get(name, name), name) for name in models.listed or (models.default,)]
