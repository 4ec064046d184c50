"""The Generate & segment tab."""

from ldznet.ui.desk import Desk
from ldznet.ui.models import Models


def build(models: Models, desk: Desk) -> None:
    """Build the tab inside the app being built."""
