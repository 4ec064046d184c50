"""The sampler's thread, which ends when nobody wants it, and the session that the tab opens on."""

import threading
from contextlib import contextmanager
from threading import Event

import numpy as np
import pytest

from ldznet.backbone import GenerationStopped, generate
from ldznet.ui.tabs.generate.session import Drawn, Progress, Request, draw, read_first

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
    drawn = [event for event in draw(backbone, REQUEST, Event()) if isinstance(event, Drawn)]
    assert [each.generation.seed for each in drawn] == [3, 4]
    for each in drawn:
        alone = generate(backbone, "a red ball", steps=6, seed=each.generation.seed)
        assert np.array_equal(each.generation.image, alone.image)
        assert each.seconds > 0


def test_steps_come_in_order_with_a_preview(backbone):
    events = [event for event in draw(backbone, REQUEST, Event()) if isinstance(event, Progress)]
    steps = [(event.picture, event.step) for event in events]
    assert steps == sorted(set(steps))
    assert steps[0][0] == 1
    for event in events:
        assert event.preview.shape == (64, 64, 3)
        assert event.preview.dtype == np.uint8


def test_stop_ends_the_sampler_before_its_next_step(backbone):
    before, stop = hooks(backbone.unet), Event()
    with counted(backbone.unet) as calls:
        events = draw(backbone, Request("a red ball", steps=100, count=4), stop)
        next(events)
        stop.set()
        assert isinstance(list(events)[-1], GenerationStopped)
        wait_for_the_sampler()
        passes = len(calls)
        assert passes < 100
        threading.Event().wait(0.2)
        assert len(calls) == passes
    assert hooks(backbone.unet) == before


def test_closing_the_iterator_ends_the_sampler(backbone):
    before = hooks(backbone.unet)
    with counted(backbone.unet) as calls:
        events = draw(backbone, Request("a red ball", steps=100, count=4), Event())
        next(events)
        events.close()
        wait_for_the_sampler()
        assert len(calls) < 100
    assert hooks(backbone.unet) == before


def test_what_goes_wrong_in_the_thread_is_raised_outside(backbone, monkeypatch):
    monkeypatch.setattr(type(backbone), "decode_latents", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(draw(backbone, REQUEST, Event()))


def test_it_opens_on_a_finished_generation():
    first = read_first()
    assert first.segmented
    assert first.offered[0] in first.segmented
    assert any(found.mask.any() for found in first.comparison.at(0.5).values())
    assert first.generation.feature_timestep in range(300, 500)
    assert first.drawn[0].seconds > 0


def test_a_missing_file_is_one_clear_sentence(tmp_path):
    with pytest.raises(ValueError, match="draw it again with python -m ldznet experiment examples"):
        read_first(tmp_path)
