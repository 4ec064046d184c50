"""Joins handlers to the page: values come in by name, changes go out by name."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component

Changes = Mapping[str, Any]  # what an event changes, by the component's name; the rest stays
Report = Callable[[float, str], object]  # share done in [0, 1], what is being done

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
    wanted = list(inspect.signature(handler).parameters)
    read = [name for name in wanted if name not in _GIVEN]
    sources = {name: _sources(page, name) for name in read}
    inputs = list(dict.fromkeys(source for each in sources.values() for source in each))
    outputs: dict[str, Any] = {name: page[name] for name in changes}

    def arguments(given: Mapping[str, Any], values: Sequence[Any]) -> dict[str, Any]:
        by_component = dict(zip(inputs, values, strict=True))
        found = {}
        for name, source in sources.items():
            parts = [by_component[each] for each in source]
            joined = page[name]
            found[name] = joined.read(*parts) if isinstance(joined, Joined) else parts[0]
        if "report" in given:
            found["report"] = _reporter(given["report"])
        return found | {name: each for name, each in given.items() if name != "report"}

    def to_components(told: Changes | None) -> Any:
        if not outputs:
            return None
        found = {outputs[name]: value for name, value in (told or {}).items()}
        return found or {next(iter(outputs.values())): gr.skip()}  # gradio takes no empty mapping

    given = [name for name in _GIVEN if name in wanted]  # without a default first

    def run(*values: Any) -> Any:
        own, rest = dict(zip(given, values, strict=False)), values[len(given) :]
        return to_components(handler(**arguments(own, rest)))

    def run_in_turns(*values: Any) -> Iterator[Any]:
        own, rest = dict(zip(given, values, strict=False)), values[len(given) :]
        for told in handler(**arguments(own, rest)):
            yield to_components(told)

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
    """Tells a visitor which step is under way."""
    steps = count(1)

    def report(share: float, step: str) -> None:
        progress(share, desc=f"Step {next(steps)}: {step}")

    return report
