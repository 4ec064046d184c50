"""The page's head: what this is, the backbone that answers, and where it computes.

Only whoever sits at the machine that serves the page may name a backbone of their own. A path typed
by anybody else would let them ask what files the server has, and a hub id would spend the server's
disk, and open with its login what is not public. They choose from the list.
"""

import os
from collections.abc import Iterator
from functools import partial

import gradio as gr

from ldznet.checkpoints.hub import is_hub_id
from ldznet.networks import NETWORKS
from ldznet.pipeline import POCKET
from ldznet.ui.components import html
from ldznet.ui.markup import Markup, element, message
from ldznet.ui.models import OFFERED, Loaded, Models
from ldznet.ui.tabs.about import OFFICIAL_CODE, PAPER
from ldznet.ui.wiring import QUIET, Changes, wire

_TITLE = """
<header class="title"><h1>LD-ZNet</h1>
<p>Name a thing, see where three networks find it.</p></header>
"""
_LINKS = f"""
<nav class="title"><a href="{PAPER}">paper</a><a href="{OFFICIAL_CODE}">official code</a></nav>
"""
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


def build(models: Models, chosen: gr.State) -> None:
    """Build the head inside the app being built; `chosen` takes the name of what was loaded."""
    titles = {model: title for title, model in OFFERED.items()}
    with gr.Row(elem_id="head"):
        html(_TITLE, elem_id="head-title")
        backbone = gr.Dropdown(
            [(titles.get(name, name), name) for name in models.listed or (models.default,)],
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
    notice = html(message(models.notice, "error"), elem_id="backbone-message")
    page = {"backbone": backbone, "badge": badge, "message": notice, "chosen": chosen}
    wire(
        backbone.input,
        partial(choose, models),
        page,
        tuple(page),
        concurrency_id="backbone",  # apart from the models' queue: others go on meanwhile
        concurrency_limit=1,
        **QUIET,
    )


def choose(models: Models, backbone: str | None, request: gr.Request) -> Iterator[Changes]:
    """Load a backbone and let it answer this session; or one sentence, and nothing changes."""
    name, former = (backbone or "").strip(), models.choice_of(request.session_hash)
    if not name:
        yield {"backbone": gr.update(value=former), "message": ""}
        return
    back = {"backbone": gr.update(value=former, interactive=True)}
    try:
        check_access(name, name in models.listed, request)
        yield {"backbone": gr.update(interactive=False), "message": draw_waiting(name)}
        if request.session_hash is None:  # never so of gradio's own queue
            raise ValueError("A backbone is chosen for a session; this request has none.")
        loaded = models.choose(name, request.session_hash)
    except ValueError as error:
        yield {**back, "message": message(str(error), "error")}
    except Exception:
        text = f"{name} could not be loaded; see what the server printed."
        yield {**back, "message": message(text, "error")}
        raise
    else:
        yield {
            "backbone": gr.update(value=name, interactive=True),
            "badge": draw_badge(loaded),
            "message": message(say_loaded(loaded)),
            "chosen": name,
        }


def draw_badge(loaded: Loaded) -> Markup:
    """Device and precision; the page hides by it what is only about pocket's drawn world."""
    world = "drawn" if loaded.backbone == POCKET else "open"
    return element("span", loaded.place, class_="badge", data_world=world)


def draw_waiting(name: str) -> Markup:
    """What is done while a backbone is loaded."""
    where = "what is not here yet comes from the Hugging Face hub first, several gigabytes"
    text = f"Loading {name}: {where}." if is_hub_id(name) else f"Loading {name}."
    progress = element("progress", aria_label="loading")
    return message([progress, f"{text} The page works on with the former."])


def say_loaded(loaded: Loaded) -> str:
    """From when on a backbone answers, and which networks lack weights for it."""
    segmenter = loaded.segmenter
    text = f"{loaded.title} answers from the next run on; what is on the page stays."
    text = " ".join([text, *segmenter.backbone.remarks])
    missing = [NETWORKS[name].title for name in segmenter.missing if name in NETWORKS]
    if not missing:
        return text
    *others, last = missing
    named = f"{', '.join(others)} and {last} have" if others else f"{last} has"
    text += f" {named} no weights for it"
    standing_in = [network.title for network in segmenter.networks.values()]
    return f"{text}; {' and '.join(standing_in)} can be asked." if standing_in else f"{text}."
