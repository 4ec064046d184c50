"""Takes the README's pictures: `python docs/take_pictures.py` (needs Chromium).

Draws the world's sheet and photographs every tab of the running app; the first one also in the
dark and on a phone.
"""

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from ldznet.data.shapes import STYLES, draw_scene  # noqa: E402

FOLDER = Path(__file__).parent
PORT = 7990
WIDE, PHONE = (1440, 1180), (390, 844)
# What to click before each picture, its size and its colour scheme.
PICTURES = {
    "compare-light": ((), WIDE, "light"),
    "compare-dark": ((), WIDE, "dark"),
    "compare-light-phone": ((), PHONE, "light"),
    "compare-dark-phone": ((), PHONE, "dark"),
    "generate": (("Generate & segment",), WIDE, "light"),
    "attention": (("Attention & features", "Explore"), WIDE, "light"),
    "lesson": (("Attention & features", "Lesson"), WIDE, "light"),
}
SCENES = (3, 8, 21, 30)
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


def draw_world() -> None:
    """The same scenes in every style, a row per scene."""
    rows = [np.hstack([draw_scene(n, style, "full").image for style in STYLES]) for n in SCENES]
    Image.fromarray(np.vstack(rows)).save(FOLDER / "world.png", optimize=True)


def photograph_app() -> None:
    """The app as a visitor finds it, tab by tab."""
    environment = {"PATH": "/usr/bin:/bin", "PORT": str(PORT), "HF_HUB_OFFLINE": "1"}
    server = subprocess.Popen([sys.executable, str(ROOT / "app.py")], cwd=ROOT, env=environment)
    try:
        while socket.socket().connect_ex(("127.0.0.1", PORT)):
            time.sleep(0.5)
        found = shutil.which("chromium") or shutil.which("google-chrome")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
            for name, (tabs, (width, height), scheme) in PICTURES.items():
                page = browser.new_page(
                    viewport={"width": width, "height": height}, color_scheme=scheme
                )
                page.goto(f"http://127.0.0.1:{PORT}")
                page.get_by_text("LD-ZNet").first.wait_for()
                for tab in tabs:
                    page.get_by_role("tab", name=tab).click()
                page.wait_for_timeout(4000)
                page.screenshot(path=FOLDER / f"{name}.png")
                page.close()
            browser.close()
    finally:
        server.terminate()


if __name__ == "__main__":
    draw_world()
    photograph_app()
