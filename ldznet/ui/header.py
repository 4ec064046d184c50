"""The page's head: what this is, the backbone that answers, and where it computes."""

import os
from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from ldznet.checkpoints.hub import is_hub_id
from ldznet.networks import NETWORKS
from ldznet.pipeline import POCKET
from ldznet.ui.components import html
from ldznet.ui.markup import message
from ldznet.ui.models import OFFERED, Loaded, Models
from ldznet.ui.tabs.about import OFFICIAL_CODE, PAPER

_OWN = ("127.0.0.1", "::1", "localhost", "[::1]")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def check_access(name: str, listed: bool, request: gr.Request) -> None:
    """Raises ValueError unless a visitor may have the backbone of this name."""
    if not listed and not _at_this_machine(request):
        raise ValueError(
            f"Only the backbones in the list can be had here, and '{name[:60]}' is none of them; "
            "run the app on your own machine to use another."
        )


def is_hosted() -> bool:
    """Whether the app runs on a Space, where nobody sits at the machine."""
    return bool(os.environ.get("SPACE_ID"))


def _at_this_machine(request: gr.Request) -> bool:
    """Asked from this machine, by its own address, and through no proxy, who might ask for all."""
    headers = request.headers
    host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    client = request.client
    return (
        not is_hosted()
        and client is not None
        and client.host in _OWN
        and host in _OWN
        and not any(name in headers for name in _FORWARDED)
    )


def draw_badge(loaded: Loaded) -> str:
    """Device and precision; the page hides by it what is only about pocket's drawn world."""
    world = "drawn" if loaded.backbone == POCKET else "open"
    return f'<span class="badge" data-world="{world}">{loaded.place}</span>'


def draw_waiting(name: str) -> str:
    """What is done while a backbone is loaded."""
    where = "what is not here yet comes from the Hugging Face hub first, several gigabytes"
    said = f"Loading {name}: {where}." if is_hub_id(name) else f"Loading {name}."
    return (
        f'<p class="message note" role="status"><progress aria-label="loading"></progress>'
        f"{escape(said)} The page works on with the former.</p>"
    )


def say_loaded(loaded: Loaded) -> str:
    """From when on a backbone answers, and which networks lack weights for it."""
    segmenter = loaded.segmenter
    said = f"{loaded.title} answers from the next run on; what is on the page stays."
    missing = [NETWORKS[name].title for name in segmenter.missing if name in NETWORKS]
    if not missing:
        return said
    *others, last = missing
    named = f"{', '.join(others)} and {last} have" if others else f"{last} has"
    said += f" {named} no weights for it"
    standing_in = [network.title for network in segmenter.networks.values()]
    return f"{said}; {' and '.join(standing_in)} can be asked." if standing_in else f"{said}."


SKIP = gr.skip()  # leaves an output as it is
Outputs = tuple[Any, Any, Any, Any]  # the dropdown, the badge, the message, the chosen name


class Handlers:
    """The handlers of one app; the choice of a session is kept by the `Models`."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def choose(self, name: str | None, request: gr.Request) -> Iterator[Outputs]:
        """Load a backbone and let it answer this session; or one sentence, and nothing changes."""
        wanted, former = (name or "").strip(), self.models.backbone
        if not wanted:
            yield gr.update(value=former), SKIP, "", SKIP
            return
        try:
            check_access(wanted, wanted in self.models.listed, request)
            yield gr.update(interactive=False), SKIP, draw_waiting(wanted), SKIP
            if request.session_hash is None:  # never so of gradio's own queue
                raise ValueError("A backbone is chosen for a session; this request has none.")
            loaded = self.models.choose(wanted, request.session_hash)
        except ValueError as error:
            yield _ready(former), SKIP, message(str(error), "error"), SKIP
        except Exception:
            said = message(f"{wanted} could not be loaded; see what the server printed.", "error")
            yield _ready(former), SKIP, said, SKIP
            raise
        else:
            yield _ready(wanted), draw_badge(loaded), message(say_loaded(loaded)), wanted


def _ready(name: str) -> Any:
    return gr.update(value=name, interactive=True)


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
