"""What happens when a visitor chooses a backbone."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from ldznet.ui.header.access import check_access
from ldznet.ui.header.said import draw_badge, draw_waiting, say_loaded
from ldznet.ui.models import Models
from ldznet.ui.widgets import message

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
