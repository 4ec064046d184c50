"""Who may name a backbone of their own: whoever sits at the machine that serves the page.

A path typed by anybody else would let them ask what files the server has, and a hub id would spend
the server's disk, and open with its login what is not public. They choose from the list.
"""

import os

import gradio as gr

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
