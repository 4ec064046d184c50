"""Joins handlers to the page: values come in by name, changes go out by name."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component

from ldznet.ui.models import MODEL_QUEUE

Changes = Mapping[str, Any]  # what an event changes, by the component's name; the rest stays
Report = Callable[[float, str], object]  # share done in [0, 1], what is being done

# Options of events of the page itself, which are no part of the API: what is done at once, the same
# without a place in a queue, and what runs a model.
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
LIGHT: dict[str, Any] = {**QUIET, "queue": False}
MODEL: dict[str, Any] = {
    "api_visibility": "private",
    "show_progress": "minimal",
    "concurrency_id": MODEL_QUEUE,
    "concurrency_limit": 1,
}

_GIVEN = ("event", "request", "report")  # parameters that gradio provides, and no component


class Joined(NamedTuple):
    """Several components that a handler reads as one value."""

    read: Callable[..., Any]  # takes their values, in this order
    names: tuple[str, ...]


Page = Mapping[str, Component | Joined]  # a tab's components by name


def wire(
    listen: Callable[..., gr.events.Dependency],
    handler: Callable[..., Any],
    page: Page,
    changes: Sequence[str] = (),
    **options: Any,
) -> gr.events.Dependency:
    """Have an event run a handler; returns the event, so that another may follow.

    `listen` is what registers it: `button.click`, `event.then`, or `partial(gr.on, triggers)`.
    The handler is a plain function, or a generator of several answers. It is called with the values
    of the components that its parameters name; besides, `event` is gradio's event data, `request`
    its request, and `report` a `Report` that shows progress. It returns `Changes` to some of the
    components named in `changes`. Options are those of the event.
    """
    parameters = list(inspect.signature(handler).parameters)
    given = [name for name in _GIVEN if name in parameters]
    sources = {name: _sources(page, name) for name in parameters if name not in _GIVEN}
    inputs = list(dict.fromkeys(source for each in sources.values() for source in each))
    outputs: dict[str, Any] = {name: page[name] for name in changes}

    def arguments(values: Sequence[Any]) -> dict[str, Any]:
        by_name = dict(zip(given, values, strict=False))
        by_component = dict(zip(inputs, values[len(given) :], strict=True))
        for name, source in sources.items():
            parts = [by_component[each] for each in source]
            joined = page[name]
            by_name[name] = joined.read(*parts) if isinstance(joined, Joined) else parts[0]
        if "report" in given:
            by_name["report"] = _reporter(by_name["report"])
        return by_name

    def to_components(answer: Changes | None) -> Any:
        if not outputs:
            return None
        changed = {outputs[name]: value for name, value in (answer or {}).items()}
        return changed or {next(iter(outputs.values())): gr.skip()}  # gradio takes no empty mapping

    def run(*values: Any) -> Any:
        return to_components(handler(**arguments(values)))

    def run_in_turns(*values: Any) -> Iterator[Any]:
        for answer in handler(**arguments(values)):
            yield to_components(answer)

    call = run_in_turns if inspect.isgeneratorfunction(handler) else run
    _declare(call, given)
    return listen(call, inputs, list(outputs.values()), **options)


def _sources(page: Page, name: str) -> list[Component]:
    """The components whose values make up one parameter."""
    source = page[name]
    if not isinstance(source, Joined):
        return [source]
    return [part for each in source.names for part in _sources(page, each)]


def _declare(call: Callable[..., Any], given: Sequence[str]) -> None:
    """Let gradio see which parameters it is to provide; it asks the signature and the hints."""
    kinds: dict[str, Any] = {"event": gr.EventData, "request": gr.Request}
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(name, kind, default=gr.Progress())
        if name == "report"
        else inspect.Parameter(name, kind, annotation=kinds[name])
        for name in given
    ]
    values = inspect.Parameter("values", inspect.Parameter.VAR_POSITIONAL)
    call.__signature__ = inspect.Signature([*parameters, values])  # type: ignore[attr-defined]
    call.__annotations__ = {name: kinds[name] for name in given if name in kinds}


def _reporter(progress: gr.Progress) -> Report:
    """Tells a visitor what is under way."""
    return lambda share, step: progress(share, desc=step)
