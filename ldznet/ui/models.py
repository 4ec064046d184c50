"""The loaded backbones, and which of them answers for the session that is asking."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock, RLock
from typing import Protocol

import gradio as gr
import torch
from gradio.context import LocalContext

from ldznet.pipeline import POCKET, Segmenter

# Runs of any model wait for one another: several at once would only share the processor.
MODEL_QUEUE = "model"
MAX_CHOICES = 1000  # sessions whose choice is kept; gradio itself forgets sessions much earlier

Read = Callable[[str], Segmenter]  # a source, as of `Segmenter.from_pretrained`, to a segmenter


class Answering(Protocol):
    """What answers: one loaded backbone, or that of the session that is asking."""

    @property
    def segmenter(self) -> Segmenter: ...

    @property
    def backbone(self) -> str: ...

    @property
    def title(self) -> str: ...


@dataclass(frozen=True)
class Loaded:
    """A loaded backbone with its networks, and the name a visitor knows it by."""

    segmenter: Segmenter
    backbone: str = POCKET

    @property
    def title(self) -> str:
        """The name at the beginning of a sentence."""
        return _title(self.backbone)

    @property
    def place(self) -> str:
        """Where it computes and in which precision, for people: "CPU · bfloat16"."""
        backbone = self.segmenter.backbone
        device = {"cpu": "CPU", "mps": "Apple GPU"}.get(backbone.device.type, "GPU")
        return f"{device} · {str(backbone.dtype).removeprefix('torch.')}"


class Models:
    """A home backbone, always loaded, and at most one other beside it, so that memory is bounded.

    `now` and its fields answer for the session that is asking: each has its own choice of backbone.
    What a session keeps names the backbone that made it; `of` gives that one, whatever was chosen
    since.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        backbone: str = POCKET,
        *,
        listed: Mapping[str, str] | None = None,
        read: Read = Segmenter.from_pretrained,
    ) -> None:
        """Begin with a home backbone; `listed` are the sources of the others offered, by name.

        Any other name is its own source; `read` loads it.
        """
        self.home = Loaded(segmenter, backbone)
        self.default = backbone  # of sessions that chose none
        self.notice = ""  # for everybody, in a sentence; see `open_models`
        self.listed = dict(listed or {})
        self._read = read
        self._other: Loaded | None = None
        self._choices: OrderedDict[str, str] = OrderedDict()  # session -> name
        self._lock = RLock()  # of the two above; never held while something is loaded
        self._loading = Lock()  # one backbone is loaded at a time

    @property
    def now(self) -> Loaded:
        """The backbone of the session that is asking, loaded again if another took its place.

        Sends the page one sentence if it can no longer be had.
        """
        name = self.backbone
        try:
            return self._find(name) or self._load(name)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error

    @property
    def backbone(self) -> str:
        """The name of the asking session's backbone; nothing is loaded for it."""
        with self._lock:
            return self._choices.get(_asking_session(), self.default)

    @property
    def segmenter(self) -> Segmenter:
        """That of `now`."""
        return self.now.segmenter

    @property
    def title(self) -> str:
        """That of `now`; nothing is loaded for it."""
        return _title(self.backbone)

    def of(self, name: str) -> Loaded:
        """The backbone of this name, if it is loaded.

        Raises ValueError with a sentence for the visitor if another took its place.
        """
        found = self._find(name)
        if found is None:
            raise ValueError(
                f"This was made with {name}, which had to make room for another backbone; begin "
                f"anew with {self.backbone}, or choose {name} again."
            )
        return found

    def choose(self, name: str, session: str) -> Loaded:
        """Let a backbone answer for a session from now on; it is loaded first if need be.

        Raises ValueError with one sentence if it cannot be loaded; then all stays as it was.
        """
        loaded = self._find(name) or self._load(name)
        with self._lock:
            self._choices[session] = name
            self._choices.move_to_end(session)
            if len(self._choices) > MAX_CHOICES:
                self._choices.popitem(last=False)
        return loaded

    def prefer(self, name: str) -> None:
        """Make a backbone that of all sessions that chose none. Raises as `choose`."""
        self.default = (self._find(name) or self._load(name)).backbone

    def _find(self, name: str) -> Loaded | None:
        with self._lock:
            known = (self.home, self._other)
        return next((each for each in known if each and each.backbone == name), None)

    def _load(self, name: str) -> Loaded:
        with self._loading:
            found = self._find(name)  # another session may have loaded it meanwhile
            if found is None:
                found = Loaded(_read_safely(self._read, self.listed.get(name, name), name), name)
                with self._lock:
                    self._other = found
        return found


def _title(name: str) -> str:
    return name.capitalize() if name == POCKET else name


def _read_safely(read: Read, source: str, name: str) -> Segmenter:
    """The segmenter; a lack of memory is a ValueError with a sentence like any other obstacle."""
    try:
        return read(source)
    except (MemoryError, RuntimeError) as error:
        full = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not full and "allocate memory" not in str(error):
            raise
        raise ValueError(
            f"There is not enough memory for {name}; choose a smaller backbone, or start the app "
            "with LDZNET_PRECISION=bfloat16 to halve what it takes."
        ) from error


def _asking_session() -> str:
    """The session whose event runs here; "" outside of any event, or for a client without one."""
    request = LocalContext.request.get(None)  # set by gradio around every call and every `next`
    return (request and request.session_hash) or ""
