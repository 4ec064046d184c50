"""Components of the app's own."""

import gradio as gr
import pytest

from ldznet.ui.components import as_sent, build_view_controls, slider


def test_an_emptied_slider_stands_for_its_default():
    threshold = slider(0, 1, 0.5, step=0.01)
    assert threshold.preprocess(None) == 0.5
    assert threshold.preprocess(0.3) == 0.3
    assert threshold.preprocess(0) == 0


def test_the_looks_sliders_may_be_emptied():
    with gr.Blocks():
        _, *sliders = build_view_controls()
    for control in sliders:
        assert control.preprocess(None) == pytest.approx(control.value)


@pytest.mark.parametrize("value", [None, -5, 5, "x"])
def test_a_component_can_leave_judging_to_its_handler(value):
    assert as_sent(gr.Slider(0, 1, 0.5)).preprocess(value) == value
