"""A small finished generation and what tests of the tab ask of it."""

from threading import Event

import pytest

from ldznet.ui.models import Models
from ldznet.ui.tabs.generate.session import Drawn, Request, draw, open_session, segment


@pytest.fixture(scope="session")
def models(segmenter):
    return Models(segmenter, "random")


@pytest.fixture(scope="session")
def first(models):
    """Two pictures of three steps, "red ball" found in the first."""
    request = Request("a red ball", steps=3, seed=5, count=2)
    events = draw(models.home.segmenter.backbone, request, Event())
    drawn = [event for event in events if isinstance(event, Drawn)]
    session = open_session(drawn, models.home.backbone)
    return segment(models.home.segmenter, session, ["red ball"])
