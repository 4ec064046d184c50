"""The Generate & segment tab: a picture from a prompt, and masks from what was seen meanwhile."""

from ldznet.ui.tabs.generate.layout import build

__all__ = ["build"]
