"""A small finished generation and what tests of the tab ask of it."""

from threading import Event

import pytest

from ldznet.ui.models import Models
from ldznet.ui.tabs.generate.request import Request
from ldznet.ui.tabs.generate.sampling import Drawn, draw
from ldznet.ui.tabs.generate.session import find, open_session


@pytest.fixture(scope="session")
def models(segmenter):
    return Models(segmenter, "random")


@pytest.fixture(scope="session")
def first(models):
    """Two pictures of three steps, "red ball" found in the first."""
    told = draw(models.segmenter.backbone, Request("a red ball", steps=3, seed=5, count=2), Event())
    drawn = [news for news in told if isinstance(news, Drawn)]
    session = open_session(drawn, models.backbone)
    return find(models, session, ["red ball"])
