"""The demo: serves what `ldznet.ui.environment` says on PORT, or 7860, or the next free port."""

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
    """Load the models and serve the page until interrupted."""
    wanted = os.environ.get("PORT") or os.environ.get("GRADIO_SERVER_PORT") or "7860"
    # Read on import. More threads gain pocket little and lose tenfold where a browser is busy too.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        if not wanted.isdecimal() or not 0 < int(wanted) < 65536:
            raise ValueError(f"PORT must be a number from 1 to 65535; got '{wanted}'.")
        from ldznet.ui import build_interface, launch_options, open_models, read_environment

        demo = build_interface(models := open_models(read_environment()))
        port = free_port(int(wanted))
    except ValueError as error:
        sys.exit(f"ldznet: {error}")
    ready = f"LD-ZNet is at http://127.0.0.1:{port} (Ctrl-C stops it)."
    print(*filter(None, (models.notice, ready)), sep="\n", flush=True)
    demo.launch(server_port=port, quiet=True, **launch_options())


if __name__ == "__main__":
    main()
