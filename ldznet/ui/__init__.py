"""The browser interface: tabs over the loaded models."""

from collections.abc import Callable

import gradio as gr

from ldznet.ui import header
from ldznet.ui.first_calls import NamedValues, read_first_calls
from ldznet.ui.models import Models, open_models, read_environment
from ldznet.ui.state import ATTENTION, COMPARE, Desk
from ldznet.ui.surroundings import choose_file_folder
from ldznet.ui.tabs import about, attention, compare, generate
from ldznet.ui.theme import STYLES, build_theme

__all__ = [
    "TABS",
    "Models",
    "build_interface",
    "launch_options",
    "open_models",
    "read_environment",
]

# A tab is what builds it, inside the app being built. To add one, write it and add a line here.
TABS: dict[str, Callable[[Models, Desk], None]] = {
    COMPARE: compare.build,
    "Generate & segment": generate.build,
    ATTENTION: attention.build,
    "About": about.build,
}

_HOUR = 3600  # seconds


def build_interface(models: Models) -> gr.Blocks:
    """The app with all tabs, its queue set up; `launch` it with `launch_options`.

    Raises ValueError where no folder for files can be written.
    """
    choose_file_folder()
    with gr.Blocks(
        title="LD-ZNet: name a thing, see where three networks find it",
        fill_width=True,
        analytics_enabled=False,
        delete_cache=(_HOUR, _HOUR),
    ) as demo:
        for_compare, for_attention = gr.State(), gr.State()  # inside, gradio takes them for tabs
        backbone = gr.State(models.default)
        header.build(models, backbone)
        with gr.Tabs() as tabs:
            desk = Desk(tabs, for_compare, for_attention, backbone)
            for title, build in TABS.items():
                with gr.Tab(title, id=title):
                    build(models, desk)
    read_first_calls(demo)
    return demo.queue(max_size=24, default_concurrency_limit=4, api_open=False)


def launch_options() -> dict[str, object]:
    """Options of `launch`: the look of the page, and what a public server should not leave open."""
    return {
        "theme": build_theme(),
        "css_paths": STYLES,
        "footer_links": ["api"],
        "max_file_size": "20mb",
        "state_session_capacity": 200,
        "show_error": False,
        "run_history": False,
        "enable_monitoring": False,
        "strict_cors": True,
        "app_kwargs": {"middleware": [(NamedValues, (), {})]},  # class, arguments, options
    }
