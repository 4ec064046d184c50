"""What happens on each event of the tab: values in, a `Page` of changes out."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import astuple, replace
from threading import Event
from typing import Any

import gradio as gr

from ldznet.ui.inputs import InputError, read_phrases
from ldznet.ui.markup import message
from ldznet.ui.models import Models
from ldznet.ui.run import Report
from ldznet.ui.state import ATTENTION, COMPARE, Drawing, Look, hand
from ldznet.ui.tabs.generate.downloads import make_file
from ldznet.ui.tabs.generate.drawing import draw_picture, draw_progress, draw_strip
from ldznet.ui.tabs.generate.outputs import SKIP, Page
from ldznet.ui.tabs.generate.page import show
from ldznet.ui.tabs.generate.prompts import EXAMPLE_PROMPTS, OPEN_PROMPTS
from ldznet.ui.tabs.generate.request import Request, read_request
from ldznet.ui.tabs.generate.sampling import Drawn, Progress, draw
from ldznet.ui.tabs.generate.session import Session, add_phrases, find, find_exactly, open_session
from ldznet.ui.world import draw_word_note, replace_word

Values = Sequence[Any]
Outputs = tuple[Any, ...]
_ON, _OFF = gr.update(interactive=True), gr.update(interactive=False)
_READY: dict[str, Any] = {
    "running": None,
    "go": _ON,
    "halt": _OFF,
    "other": _ON,
    "to_compare": _ON,
    "to_attention": _ON,
}
_SILENT = {"prompt_message": "", "sampling_message": "", "phrases_message": ""}
_NO_LOOK = ("overlay", 0.5, 0.45)
_DICE = 2**31  # seeds that a dice throws: short enough to read out
_EXPIRED = "Your pictures were put away after an hour; draw again for the very same ones."


class Handlers:
    """The handlers of one app; a session's state comes in and goes out with each call.

    `kept` is the session's pictures, None before the first of its own or when they were put away,
    which `own` tells apart. `look` is view, threshold and opacity. `agreement` was measured with
    the backbone of `first`.
    """

    def __init__(self, models: Models, first: Session, agreement: str = "") -> None:
        self.models = models
        self.first = first
        self.agreement = agreement

    def wait(self, running: Event | None) -> Page:
        """What stands on the page until a drawing's turn comes; it can be stopped already."""
        if running is not None:  # one is under way, and Stop is for that one
            return Page()
        said = message("Waiting for another drawing.", "note waiting")
        return Page(running=Event(), go=_OFF, halt=_ON, **{**_SILENT, "sampling_message": said})

    def draw(
        self, kept: Session | None, own: bool, running: Event | None, *values: Any
    ) -> Iterator[Page]:
        """Draw pictures and segment the first of them; `values` is a request's, then the look's.

        `running` ends the sampler when it is set, and may be set already.
        """
        asked, look = values[: len(Request.__dataclass_fields__)], values[-3:]
        models = self.models.now  # for all of it, should the visitor choose another meanwhile
        try:
            request = read_request(models.segmenter.backbone, *asked)
        except InputError as complaint:
            yield _complain(complaint)._replace(**_READY)
            return
        stop = running or Event()
        yield _begin(stop, request)
        drawn: list[Drawn] = []
        last: Progress | None = None
        try:
            with closing(draw(models.segmenter.backbone, request, stop)) as told:
                for news in told:
                    if isinstance(news, Progress):
                        last = news
                        yield Page(picture=draw_progress(request, news))
                    elif isinstance(news, Drawn):
                        drawn.append(news)
                        yield Page(strip=draw_strip(drawn, None, request.count))
            session = self._find_first(drawn, models.backbone) if drawn else None
        except Exception:
            yield self._go_back(kept, own, look, message("Drawing failed; try again.", "error"))
            raise
        said = message(_say_stopped(request, drawn, last))
        if session is None:
            yield self._go_back(kept, own, look, said)
        else:
            note = draw_word_note(models, [request.prompt])
            page = self._page(session, session.offered[:1], look)
            yield page._replace(prompt_message=note, sampling_message=said)

    def halt(self, running: Event | None) -> Outputs:
        """End the sampler before its next step; changes of the button and the message."""
        if running is None:
            return _OFF, SKIP
        running.set()
        return _OFF, message("Stopping.")

    def throw_dice(self) -> int:
        """A seed that nobody chose."""
        return random.randrange(_DICE)

    def pick_prompt(self, event: gr.EventData) -> tuple[Any, ...]:
        """The values of an example's request."""
        return astuple((*EXAMPLE_PROMPTS, *OPEN_PROMPTS)[int(event.pick)])

    def pick_picture(
        self, event: gr.EventData, kept: Session | None, own: bool, chosen: list[str], *look: Any
    ) -> Page:
        """Look at another picture of the request; the same phrases are found in it."""

        def act(session: Session) -> Page:
            place = int(event.pick) % len(session.drawn)
            other = replace(session, place=place, found=None, exact=None)
            return self._page(find(self.models, other, chosen), chosen, look)

        return self._act(kept, own, look, act)

    def find(
        self, report: Report, kept: Session | None, own: bool, chosen: list[str], *look: Any
    ) -> Page:
        """Segment the phrases chosen; the networks run only if one of them is new."""

        def act(session: Session) -> Page:
            ordered = [phrase for phrase in session.offered if phrase in chosen]
            found = find(self.models, session, ordered, report)
            return self._found(found, ordered, look)

        return self._act(kept, own, look, act)

    def find_other(
        self,
        report: Report,
        kept: Session | None,
        own: bool,
        text: str,
        chosen: list[str],
        *look: Any,
    ) -> Page:
        """Add what was typed to the phrases, and segment it."""

        def act(session: Session) -> Page:
            typed = read_phrases(text)
            wider = add_phrases(session, typed)
            ordered = [phrase for phrase in wider.offered if phrase in {*chosen, *typed}]
            found = find(self.models, wider, ordered, report)
            page = self._page(found, ordered, look)
            note = draw_word_note(self.models.of(found.backbone), typed)
            return page._replace(phrases_message=note)

        return self._act(kept, own, look, act)

    def replace_word(
        self,
        report: Report,
        event: gr.EventData,
        kept: Session | None,
        own: bool,
        chosen: list[str],
        *look: Any,
    ) -> Page:
        """Put a known word in place of an unknown one in the phrases chosen, and segment those."""
        better = {phrase: replace_word(phrase, event.pick) for phrase in chosen}
        text = ", ".join(new for old, new in better.items() if new != old)
        rest = [old for old, new in better.items() if new == old]
        return self.find_other(report, kept, own, text, rest, *look)

    def look(self, kept: Session | None, own: bool, chosen: list[str], *look: Any) -> Page:
        """The same results as the controls now say; no model runs."""
        return self._act(kept, own, look, lambda session: self._shown(session, chosen, look))

    def compare_exactly(
        self, report: Report, kept: Session | None, own: bool, chosen: list[str], *look: Any
    ) -> Page:
        """LD-ZNet without reuse, beside the result with it."""

        def act(session: Session) -> Page:
            return self._found(find_exactly(self.models, session, report), chosen, look)

        return self._act(kept, own, look, act)

    def hand_to_compare(self, kept: Session | None, own: bool, chosen: list[str]) -> Outputs:
        """The picture with the phrases chosen, the Compare tab selected, and changes of this."""
        if kept is None and own:
            return SKIP, SKIP, *self._put_away(_NO_LOOK)
        picture = replace((kept or self.first).picture, ask=tuple(chosen))
        return hand(picture), gr.Tabs(selected=COMPARE), *Page()

    def hand_to_attention(self, kept: Session | None, own: bool) -> Outputs:
        """The generation, the Attention tab selected, and changes of this."""
        if kept is None and own:
            return SKIP, SKIP, *self._put_away(_NO_LOOK)
        session = kept or self.first
        drawing = Drawing(session.generation, session.backbone)
        return hand(drawing), gr.Tabs(selected=ATTENTION), *Page()

    def take(
        self, kind: str, kept: Session | None, own: bool, chosen: list[str], *look: Any
    ) -> tuple[str, bytes]:
        """Name and content of a download. Raises a complaint if there is nothing to take."""
        if kept is None and own:
            raise InputError("phrases", _EXPIRED)
        session = kept or self.first
        return make_file(kind, session, _read_look(session, chosen, look))

    def _act(
        self, kept: Session | None, own: bool, look: Values, act: Callable[[Session], Page]
    ) -> Page:
        """What an act makes of the session; a complaint changes only its message."""
        if kept is None and own:
            return self._put_away(look)
        try:
            return act(kept or self.first)
        except InputError as complaint:
            return _complain(complaint)

    def _find_first(self, drawn: Sequence[Drawn], backbone: str) -> Session:
        session = open_session(drawn, backbone)
        return find(self.models, session, session.offered[:1])

    def _page(self, session: Session, chosen: Sequence[str], look: Values) -> Page:
        """Everything a session shows."""
        return self._found(session, chosen, look)._replace(
            picture=draw_picture(session),
            strip=draw_strip(session.drawn, session.place, len(session.drawn)),
            phrases=gr.update(choices=list(session.offered), value=list(chosen), interactive=True),
            **{**_READY, **_SILENT, "other": gr.update(value="", interactive=True)},
        )

    def _found(self, session: Session, chosen: Sequence[str], look: Values) -> Page:
        """What was found, and the session that keeps it."""
        return self._shown(session, chosen, look)._replace(
            session=session,
            own=True,
            phrases_message="",
            check=_allow_check(session),
        )

    def _shown(self, session: Session, chosen: Sequence[str], look: Values) -> Page:
        """What was found, as the controls say."""
        measured = self.agreement if session.backbone == self.first.backbone else ""
        shown = show(session, _read_look(session, chosen, look), measured)
        return Page(**shown._asdict())

    def _go_back(self, kept: Session | None, own: bool, look: Values, said: str) -> Page:
        """The picture from before, whose masks are still there."""
        if kept is None and own:
            return self._put_away(look)
        session = kept or self.first
        return Page(
            picture=draw_picture(session),
            strip=draw_strip(session.drawn, session.place, len(session.drawn)),
            phrases=_ON,
            check=_allow_check(session),
            sampling_message=said,
            **_READY,
        )

    def _put_away(self, look: Values) -> Page:
        """The page as it opened, where what it showed is no longer kept."""
        page = self._page(self.first, self.first.offered[:1], look)
        return page._replace(session=None, own=False, phrases_message=message(_EXPIRED))


def _read_look(session: Session, chosen: Sequence[str], look: Values) -> Look:
    view, threshold, opacity = look
    known = session.found.phrases if session.found else ()
    return Look(
        view,
        round(threshold, 2),
        round(opacity, 2),
        tuple(phrase for phrase in known if phrase in chosen),
        order=session.offered,
    )


def _allow_check(session: Session) -> Any:
    reused = session.generation.feature_timestep is not None
    return gr.update(interactive=reused and "ldznet" not in session.missing)


def _begin(stop: Event, request: Request) -> Page:
    """From now on nothing can be asked of the picture before."""
    return Page(
        running=stop,
        strip=draw_strip([], None, request.count),
        phrases=_OFF,
        other=_OFF,
        go=_OFF,
        halt=_ON,
        check=_OFF,
        to_compare=_OFF,
        to_attention=_OFF,
        **_SILENT,
    )


def _complain(complaint: InputError) -> Page:
    said = message(str(complaint), "error")
    return Page(**{**_SILENT, f"{complaint.place}_message": said})


def _say_stopped(request: Request, drawn: Sequence[Drawn], last: Progress | None) -> str:
    """A sentence if fewer pictures were drawn than asked for."""
    if len(drawn) == request.count:
        return ""
    if drawn:
        return f"Stopped after {len(drawn)} of {request.count} pictures."
    if last is None:
        return "Stopped before the first step; the picture from before is back."
    return f"Stopped at step {last.step} of {request.steps}; the picture from before is back."
