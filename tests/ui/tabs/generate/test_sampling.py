"""The sampler's thread: what it draws, what it tells, and that it ends when nobody wants it."""

import threading
from contextlib import contextmanager
from threading import Event

import numpy as np
import pytest

from ldznet.backbone import GenerationStopped, generate
from ldznet.ui.tabs.generate.request import Request
from ldznet.ui.tabs.generate.sampling import Drawn, Progress, draw

REQUEST = Request("a red ball", steps=6, seed=3, count=2)


def wait_for_the_sampler():
    for thread in threading.enumerate():
        if thread.name == "sampler":
            thread.join(20)
            assert not thread.is_alive()


@contextmanager
def counted(unet):
    """Counts the U-Net's passes in `calls`."""
    calls = []
    handle = unet.register_forward_pre_hook(lambda *_: calls.append(1))
    try:
        yield calls
    finally:
        handle.remove()


def hooks(unet):
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in unet.modules()
    )


def test_every_picture_is_the_one_of_its_seed(backbone):
    drawn = [news for news in draw(backbone, REQUEST, Event()) if isinstance(news, Drawn)]
    assert [each.generation.seed for each in drawn] == [3, 4]
    for each in drawn:
        alone = generate(backbone, "a red ball", steps=6, seed=each.generation.seed)
        assert np.array_equal(each.generation.image, alone.image)
        assert each.seconds > 0


def test_steps_are_told_in_order_with_a_preview(backbone):
    told = list(draw(backbone, REQUEST, Event()))
    steps = [(news.picture, news.step) for news in told if isinstance(news, Progress)]
    assert steps == sorted(set(steps))
    assert steps[0][0] == 1
    for news in told:
        if isinstance(news, Progress):
            assert news.preview.shape == (64, 64, 3)
            assert news.preview.dtype == np.uint8


def test_stop_ends_the_sampler_before_its_next_step(backbone):
    before, stop = hooks(backbone.unet), Event()
    with counted(backbone.unet) as calls:
        telling = draw(backbone, Request("a red ball", steps=100, count=4), stop)
        next(telling)
        stop.set()
        assert isinstance(list(telling)[-1], GenerationStopped)
        wait_for_the_sampler()
        passes = len(calls)
        assert passes < 100
        threading.Event().wait(0.2)
        assert len(calls) == passes
    assert hooks(backbone.unet) == before


def test_closing_the_iterator_ends_the_sampler(backbone):
    before = hooks(backbone.unet)
    with counted(backbone.unet) as calls:
        telling = draw(backbone, Request("a red ball", steps=100, count=4), Event())
        next(telling)
        telling.close()
        wait_for_the_sampler()
        assert len(calls) < 100
    assert hooks(backbone.unet) == before


def test_what_goes_wrong_in_the_thread_is_raised_outside(backbone, monkeypatch):
    monkeypatch.setattr(type(backbone), "decode_latents", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(draw(backbone, REQUEST, Event()))
