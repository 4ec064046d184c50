"""Handlers are joined to components by the names of their parameters and of what they change."""

import inspect
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.helpers import special_args

from ldznet.ui.wiring import Joined, wire


@pytest.fixture
def page():
    with gr.Blocks():
        text, number = gr.Textbox(), gr.Number()
    both = Joined(lambda text, number: f"{text}{number}", ("text", "number"))
    return {"text": text, "number": number, "both": both}


def joined(handler, page, changes, **options):
    """What gradio is told of an event."""
    return wire(
        lambda call, inputs, outputs, **options: SimpleNamespace(
            call=call, inputs=inputs, outputs=outputs, options=options
        ),
        handler,
        page,
        changes,
        **options,
    )


def test_values_come_in_and_changes_go_out_by_name(page):
    event = joined(
        lambda number, both: {"text": f"{number} {both}"}, page, ("number", "text"), queue=False
    )
    assert event.inputs == [page["number"], page["text"]]  # each once
    assert event.outputs == [page["number"], page["text"]]
    assert event.options == {"queue": False}
    assert event.call(3, "x") == {page["text"]: "3 x3"}


def test_what_is_not_named_stays(page):
    event = joined(lambda text: {}, page, ("number", "text"))
    assert event.call("x") == {page["number"]: gr.skip()}
    assert joined(lambda text: None, page, ()).call("x") is None


def test_a_generator_answers_in_turns(page):
    def count(number):
        for each in range(number):
            yield {"number": each}

    event = joined(count, page, ("number",))
    assert inspect.isgeneratorfunction(event.call)
    assert list(event.call(2)) == [{page["number"]: 0}, {page["number"]: 1}]


def test_gradio_provides_what_no_component_holds(page):
    def handler(text, report, event, request):
        report(0.5, "half")
        return {"text": f"{text} {event.pick} {request.session_hash}"}

    told = joined(handler, page, ("text",))
    request = gr.Request(session_hash="mine")
    values, place, *_ = special_args(
        told.call, ["x"], request=request, event_data=gr.EventData(None, {"pick": "picked"})
    )
    steps = []
    values[place] = lambda share, desc: steps.append((share, desc))
    assert told.inputs == [page["text"]]
    assert told.call(*values) == {page["text"]: "x picked mine"}
    assert steps == [(0.5, "half")]


def test_a_name_that_is_no_component_is_noticed_at_once(page):
    with pytest.raises(KeyError):
        joined(lambda strange: {}, page, ("text",))
    with pytest.raises(KeyError):
        joined(lambda text: {}, page, ("strange",))
