"""The Compare tab: networks beside one another on one picture."""

from ldznet.ui.tabs.compare.layout import build

__all__ = ["build"]
