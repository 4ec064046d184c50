"""What happens on each event of the tab: values in by name, changes out by name."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from functools import wraps
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import Any

import gradio as gr
from PIL import Image

from ldznet.pipeline import Segmenter
from ldznet.ui.downloads import KINDS as ALL_KINDS
from ldznet.ui.downloads import Report as Written
from ldznet.ui.downloads import write_results, zip_results
from ldznet.ui.inputs import InputError, complaints_about, read_phrases
from ldznet.ui.markup import message
from ldznet.ui.models import Models
from ldznet.ui.snippets import generation_command, generation_python
from ldznet.ui.state import ATTENTION, COMPARE, hand
from ldznet.ui.tabs.generate.drawing import draw_picture, draw_progress, draw_results, draw_strip
from ldznet.ui.tabs.generate.session import (
    DECIDING,
    EXAMPLE_PROMPTS,
    OPEN_PROMPTS,
    REUSING,
    Drawn,
    Progress,
    Request,
    Session,
    Shown,
    draw,
    offer_more,
    open_session,
    read_request,
    segment,
    segment_exactly,
)
from ldznet.ui.wiring import Changes, Report
from ldznet.ui.world import draw_word_note, replace_word

_ON, _OFF = gr.update(interactive=True), gr.update(interactive=False)
_READY: Changes = {
    "running": None,
    "go": _ON,
    "halt": _OFF,
    "other": _ON,
    "to_compare": _ON,
    "to_attention": _ON,
}
_SILENT: Changes = {"prompt_message": "", "sampling_message": "", "phrases_message": ""}
PICTURE = "picture"  # of the downloads, beside those of any result
KINDS = {PICTURE: "Picture (PNG)"} | {
    kind: ALL_KINDS[kind] for kind in ("masks", "cut-outs", "everything")
}
_DICE = 2**31  # seeds that a dice throws: short enough to read out
_EXPIRED = "Your pictures were put away after an hour; draw again for the very same ones."


def throw_dice() -> Changes:
    """A seed that nobody chose."""
    return {"seed": random.randrange(_DICE)}


def pick_prompt(event: gr.EventData) -> Changes:
    """The values of an example's request."""
    return asdict((*EXAMPLE_PROMPTS, *OPEN_PROMPTS)[int(event.pick)])


def replace_in_prompt(event: gr.EventData, prompt: str) -> Changes:
    """A known word in place of an unknown one."""
    return {"prompt": replace_word(prompt, event.pick)}


def wait(running: Event | None) -> Changes:
    """What stands on the page until a drawing's turn comes; it can be stopped already."""
    if running is not None:  # one is under way, and Stop is for that one
        return {}
    waiting = message("Waiting for another drawing.", "note waiting")
    return {**_SILENT, "running": Event(), "go": _OFF, "halt": _ON, "sampling_message": waiting}


def stop(running: Event | None) -> Changes:
    """End the sampler before its next step."""
    if running is None:
        return {"halt": _OFF}
    running.set()
    return {"halt": _OFF, "sampling_message": message("Stopping.")}


def _on_session(act: Callable[..., Changes]) -> Callable[..., Changes]:
    """A handler that acts on the session; if that was put away, the page is as it opened.

    A complaint changes only its message.
    """

    @wraps(act)
    def handle(self: "Handlers", shown: Shown, *given: Any, **named: Any) -> Changes:
        if shown.put_away:
            return self._put_away(shown)
        try:
            return act(self, shown, *given, **named)
        except InputError as complaint:
            return _complain(complaint)

    return handle


class Handlers:
    """The handlers of one app that act on what is shown; `request` is gradio's.

    Before a visitor drew anything, and when their pictures were put away, `first` is shown;
    `agreement` was measured with its backbone.
    """

    def __init__(self, models: Models, first: Session, agreement: str = "") -> None:
        self.models = models
        self.first = first
        self.agreement = agreement

    def read_shown(
        self,
        own_session: Session | None,
        drawn_here: bool,
        phrases: list[str],
        view: str,
        threshold: float,
        opacity: float,
    ) -> Shown:
        """What the page shows, from its state and its controls."""
        session = own_session or self.first
        put_away = own_session is None and drawn_here
        return Shown(session, phrases, view, threshold, opacity, put_away)

    def draw(
        self, shown: Shown, request: gr.Request, running: Event | None, inputs: Mapping[str, Any]
    ) -> Iterator[Changes]:
        """Draw pictures and segment the first thing named in the first of them.

        `running` ends the sampler when it is set, and may be set already; `inputs` are what
        `read_request` takes.
        """
        # For all of it, should the visitor choose another meanwhile.
        loaded = self.models.of_session(request.session_hash)
        try:
            sampling = read_request(loaded.segmenter.backbone, **inputs)
        except InputError as complaint:
            yield {**_complain(complaint), **_READY}
            return
        running = running or Event()
        yield _begin(running, sampling)
        drawn: list[Drawn] = []
        last: Progress | None = None
        changes: Changes | None = None
        try:
            with closing(draw(loaded.segmenter.backbone, sampling, running)) as events:
                for event in events:
                    if isinstance(event, Progress):
                        last = event
                        yield {"picture": draw_progress(sampling, event)}
                    elif isinstance(event, Drawn):
                        drawn.append(event)
                        yield {"strip": draw_strip(drawn, None, sampling.count)}
            if drawn:
                session = open_session(drawn, loaded.backbone)
                changes = self._segment_page(shown, session, session.offered[:1], request)
        except Exception:
            yield self._go_back(shown, message("Drawing failed; try again.", "error"))
            raise
        stopped = message(_describe_stop(sampling, drawn, last))
        if changes is None:
            changes = self._go_back(shown, stopped)
        else:
            note = draw_word_note(loaded, [sampling.prompt])
            changes = {**changes, "prompt_message": note, "sampling_message": stopped}
        yield changes
        if "own_session" in changes:
            # Gradio sends the last values twice: again they would undo a phrase chosen since. Where
            # nothing can be undone, the event ends at once, for meanwhile Gradio drops the next.
            yield {}

    @_on_session
    def pick_picture(self, shown: Shown, event: gr.EventData, request: gr.Request) -> Changes:
        """Look at another picture of the request; the same phrases are segmented in it."""
        place = int(event.pick) % len(shown.session.drawn)
        session = replace(shown.session, place=place, comparison=None, exact=None)
        return self._segment_page(shown, session, shown.phrases, request)

    @_on_session
    def segment(self, shown: Shown, request: gr.Request, report: Report) -> Changes:
        """Segment the phrases chosen; the networks run only if one of them is new."""
        phrases = [phrase for phrase in shown.session.offered if phrase in shown.phrases]
        session = self._segment(shown.session, phrases, request, report)
        return self._results(replace(shown, session=session, phrases=phrases))

    @_on_session
    def add_phrases(self, shown: Shown, request: gr.Request, report: Report, other: str) -> Changes:
        """Add what was typed to the phrases, and segment it."""
        more = read_phrases(other)
        session = offer_more(shown.session, more)
        phrases = [phrase for phrase in session.offered if phrase in {*shown.phrases, *more}]
        changes = self._segment_page(shown, session, phrases, request, report)
        note = draw_word_note(self.models.of(session.backbone, request.session_hash), more)
        return {**changes, "phrases_message": note}

    @_on_session
    def replace_in_phrases(
        self, shown: Shown, event: gr.EventData, request: gr.Request, report: Report
    ) -> Changes:
        """Put a known word in place of an unknown one in the phrases chosen, and segment those."""
        better = {phrase: replace_word(phrase, event.pick) for phrase in shown.phrases}
        replaced = ", ".join(new for old, new in better.items() if new != old)
        rest = [old for old, new in better.items() if new == old]
        return self.add_phrases(replace(shown, phrases=rest), request, report, replaced)

    @_on_session
    def show(self, shown: Shown) -> Changes:
        """The same results as the controls now say; no model runs."""
        agreement = self.agreement if shown.session.backbone == self.first.backbone else ""
        return draw_results(shown, agreement)

    @_on_session
    def compare_exactly(self, shown: Shown, request: gr.Request, report: Report) -> Changes:
        """LD-ZNet without reuse, beside the result with it."""
        if not shown.session.segmented:
            raise InputError("phrases", "Choose a word first; then the two paths can be compared.")
        segmenter = self._segmenter_of(shown.session, request)
        session = segment_exactly(segmenter, shown.session, report)
        return self._results(replace(shown, session=session))

    @_on_session
    def hand_to_compare(self, shown: Shown) -> Changes:
        """The picture with the phrases chosen, and the Compare tab selected."""
        picture = replace(shown.session.picture, phrases=tuple(shown.phrases))
        return {"for_compare": hand(picture), "tabs": gr.Tabs(selected=COMPARE)}

    @_on_session
    def hand_to_attention(self, shown: Shown) -> Changes:
        """The generation, and the Attention tab selected."""
        return {"for_attention": hand(shown.session.drawing), "tabs": gr.Tabs(selected=ATTENTION)}

    def download(self, kind: str, shown: Shown) -> tuple[str, bytes, Changes]:
        """Name and content of one of `KINDS`. Raises a complaint if there is nothing to take."""
        if shown.put_away:
            raise InputError("phrases", _EXPIRED)
        if kind == PICTURE:
            file = BytesIO()
            Image.fromarray(shown.session.generation.image).save(file, "PNG")
            return shown.session.picture.file, file.getvalue(), {"phrases_message": ""}
        if not shown.look.phrases:
            raise InputError("phrases", "Choose a word first; then there are masks to download.")
        content = zip_results(kind, lambda folder: _write_files(folder, shown))
        return f"ldznet-generated-{kind}.zip", content, {"phrases_message": ""}

    def _segmenter_of(self, session: Session, request: gr.Request) -> Segmenter:
        """That whose backbone drew the pictures; a complaint if it is loaded no more."""
        with complaints_about("phrases"):
            return self.models.of(session.backbone, request.session_hash).segmenter

    def _segment(
        self,
        session: Session,
        phrases: Sequence[str],
        request: gr.Request,
        report: Report | None = None,
    ) -> Session:
        if set(phrases) <= set(session.segmented):
            return session
        return segment(self._segmenter_of(session, request), session, phrases, report)

    def _segment_page(
        self, shown: Shown, session: Session, phrases: Sequence[str], *given: Any
    ) -> Changes:
        """Everything that another session shows, its phrases segmented."""
        session = self._segment(session, phrases, *given)
        return self._page(replace(shown, session=session, phrases=phrases, put_away=False))

    def _page(self, shown: Shown) -> Changes:
        """Everything that a session shows."""
        choices, value = list(shown.session.offered), list(shown.phrases)
        return {
            **self._results(shown),
            **_picture(shown.session),
            **_READY,
            **_SILENT,
            "phrases": gr.update(choices=choices, value=value, interactive=True),
            "other": gr.update(value="", interactive=True),
        }

    def _results(self, shown: Shown) -> Changes:
        """What was segmented, and the session that keeps it."""
        return {
            **self.show(shown),
            "own_session": shown.session,
            "drawn_here": True,
            "phrases_message": "",
            "check": _allow_check(shown.session),
        }

    def _go_back(self, shown: Shown, sentence: str) -> Changes:
        """The picture from before, whose masks are still there."""
        if shown.put_away:
            return self._put_away(shown)
        return {
            **_picture(shown.session),
            **_READY,
            "phrases": _ON,
            "check": _allow_check(shown.session),
            "sampling_message": sentence,
        }

    def _put_away(self, shown: Shown) -> Changes:
        """The page as it opened, where what it showed is no longer kept."""
        return {
            **self._page(replace(shown, phrases=self.first.offered[:1], put_away=False)),
            "own_session": None,
            "drawn_here": False,
            "phrases_message": message(_EXPIRED),
        }


def _write_files(folder: Path, shown: Shown) -> Written:
    """Write every file of the phrases shown; what `segmentation.json` among them says."""
    session, look = shown.session, shown.look
    assert session.comparison is not None
    drawing, phrases = session.drawing, look.phrases or ()
    about = {
        "backbone": session.backbone,
        **{name: getattr(session.generation, name) for name in DECIDING},
        "threshold": look.threshold,
        "probability_step": 1 / session.comparison.levels,
    }
    return write_results(
        folder,
        session.generation.image,
        session.comparison.at(look.threshold, phrases),
        about,
        python=generation_python(drawing, phrases, look.threshold),
        shell=generation_command(drawing, phrases, look.threshold),
    )


def _picture(session: Session) -> Changes:
    return {
        "picture": draw_picture(session),
        "strip": draw_strip(session.drawn, session.place, len(session.drawn)),
    }


def _allow_check(session: Session) -> Any:
    reused = session.generation.feature_timestep is not None
    return gr.update(interactive=reused and REUSING not in session.missing)


def _begin(running: Event, request: Request) -> Changes:
    """From now on nothing can be asked of the picture before."""
    waiting = ("phrases", "other", "go", "check", "to_compare", "to_attention")
    return {
        **_SILENT,
        **dict.fromkeys(waiting, _OFF),
        "running": running,
        "halt": _ON,
        "strip": draw_strip([], None, request.count),
    }


def _complain(complaint: InputError) -> Changes:
    return {**_SILENT, f"{complaint.place}_message": message(str(complaint), "error")}


def _describe_stop(request: Request, drawn: Sequence[Drawn], last: Progress | None) -> str:
    """A sentence if fewer pictures were drawn than asked for."""
    if len(drawn) == request.count:
        return ""
    if drawn:
        return f"Stopped after {len(drawn)} of {request.count} pictures."
    if last is None:
        return "Stopped before the first step; the picture from before is back."
    return f"Stopped at step {last.step} of {request.steps}; the picture from before is back."
