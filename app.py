"""The demo: serves what `ldznet.ui.models` says on PORT, or 7860, or the next free port."""

import os
import socket
import sys


def free_port(first: int) -> int:
    """The first port from `first` on that nobody listens on."""
    for port in range(first, min(first + 100, 65536)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise ValueError(f"No free port from {first} on; set PORT to another.")


def main() -> None:
    """Load the models and serve the page until interrupted; `--debug` shows a failure's trace."""
    first = os.environ.get("PORT") or os.environ.get("GRADIO_SERVER_PORT") or "7860"
    # Read on import. More threads gain pocket little and lose tenfold where a browser is busy too.
    quiet = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "TRANSFORMERS_VERBOSITY": "error"}
    os.environ |= {"OMP_NUM_THREADS": "1", "DIFFUSERS_VERBOSITY": "error", **quiet, **os.environ}
    in_a_sentence = () if "--debug" in sys.argv or os.environ.get("LDZNET_DEBUG") else ValueError
    try:
        if not first.isdecimal() or not 0 < int(first) < 65536:
            raise ValueError(f"PORT must be a number from 1 to 65535; got '{first}'.")
        from ldznet import images, ui

        images.limit_pillow()
        demo = ui.build_interface(models := ui.open_models(ui.read_environment()))
        port = free_port(int(first))
    except in_a_sentence as error:
        sys.exit(f"ldznet: {error}")
    ready = f"LD-ZNet is at http://127.0.0.1:{port} (Ctrl-C stops it)."
    print(*filter(None, (models.notice, ready)), sep="\n", flush=True)
    demo.launch(server_port=port, quiet=True, **ui.launch_options())


if __name__ == "__main__":
    main()
