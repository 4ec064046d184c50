"""What a visitor asks for, the pictures drawn from it, and what was segmented in them."""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import perf_counter
from typing import Any

import numpy as np
import torch
from PIL import Image

from ldznet.backbone.generation import (
    GenerationStopped,
    Step,
    check_prompts,
    check_sampling,
    generate,
)
from ldznet.backbone.ldm import LatentDiffusion, check_seed
from ldznet.images import to_pictures
from ldznet.networks import NETWORKS, LDZNet
from ldznet.phrases import MAX_PHRASES, clean_text, noun_phrases, words
from ldznet.pipeline import Segmenter
from ldznet.types import Generation
from ldznet.ui.examples import FOLDER as EXAMPLES
from ldznet.ui.inputs import InputError, complaints_about, is_number, read_whole
from ldznet.ui.state import (
    EXAMPLE_LEVELS,
    Comparison,
    Drawing,
    Look,
    Picture,
    Settings,
    compare_found,
)
from ldznet.ui.wiring import Report

MAX_COUNT = 4
PREVIEWS = 10  # of a picture while it is drawn: a decoder's pass costs about half a step
FALLBACK = 400  # the timestep that the finished latents are noised at where nothing was kept
REUSING = LDZNet.name  # the network that reads what the backbone computed while drawing

# The generation that the tab opens on: drawn beforehand, its files are part of the repository.
FIRST = EXAMPLES / "generated"
ABOUT, PICTURE, TENSORS, RESULTS = "generation.json", "picture.png", "tensors.npz", "results.npz"
DECIDING = ("prompt", "negative_prompt", "seed", "steps", "guidance", "feature_timestep")


@dataclass(frozen=True)
class Request:
    """A prompt and everything else that decides its pictures, bit for bit."""

    prompt: str
    negative_prompt: str = ""
    steps: int = 30
    guidance: float = 4.0
    seed: int = 0  # of the first picture; the next ones count on from it
    count: int = 1

    @property
    def seeds(self) -> range:
        """A seed for every picture."""
        return range(self.seed, self.seed + self.count)

    def generate(
        self,
        backbone: LatentDiffusion,
        seed: int,
        on_step: Callable[[Step], object] | None = None,
    ) -> Generation:
        """The picture of one of the seeds."""
        return generate(
            backbone,
            self.prompt,
            negative_prompt=self.negative_prompt,
            steps=self.steps,
            guidance=self.guidance,
            seed=seed,
            on_step=on_step,
        )


# Each of pocket's has a seed whose picture was looked at and found right: with other weights, look
# again. The tab opens on the first.
EXAMPLE_PROMPTS = (
    Request("a photo of an orange mushroom on sand", seed=8),
    Request("a watercolour of a green tree", seed=5),
    Request("a photo of a blue ring on a plain background", seed=7),
    Request("a photo of a large purple box", seed=2),
    Request("a flat drawing of a yellow star and a purple heart", seed=2),
)
# A backbone that knows more than the drawn world is offered others.
OPEN_PROMPTS = tuple(
    Request(prompt, guidance=7.5)  # as Stable Diffusion's own pipeline draws
    for prompt in (
        "a photo of a corgi with a red ball on a beach",
        "a watercolour of a lighthouse and a small boat",
        "a street at night with a yellow taxi",
        "a wooden table with a teapot and two oranges",
        "a hot-air balloon over snowy mountains",
    )
)


def read_request(
    backbone: LatentDiffusion,
    prompt: str | None,
    negative_prompt: str | None,
    steps: float | None,
    guidance: float | None,
    seed: float | None,
    count: float | None,
) -> Request:
    """The request in a page's or a client's values.

    Raises a complaint about the prompt or the sampling, one sentence, if anything is out of range.
    """
    positive, negative = (clean_text(text or "") for text in (prompt, negative_prompt))
    with complaints_about("prompt"):
        check_prompts(backbone, positive, negative)
    with complaints_about("sampling"):
        whole_steps = read_whole("number of steps", steps)
        if not is_number(guidance):
            raise ValueError("Give the guidance as a number.")
        check_sampling(whole_steps, guidance)
        pictures = read_whole("number of pictures", count)
        if not 1 <= pictures <= MAX_COUNT:
            raise ValueError(f"The number of pictures must be from 1 to {MAX_COUNT}; got {count}.")
        first = read_whole("seed", seed)
        check_seed(first)
        check_seed(first + pictures - 1)
    return Request(positive, negative, whole_steps, float(guidance), first, pictures)


@dataclass(frozen=True)
class Progress:
    """Where the sampler is."""

    picture: int  # from 1
    step: int  # from 1
    timestep: int
    preview: np.ndarray  # (H, W, 3) uint8: the latents decoded, anew every few steps


@dataclass(frozen=True)
class Drawn:
    """A finished picture."""

    generation: Generation
    seconds: float


SamplerEvent = Progress | Drawn | GenerationStopped


def draw(
    backbone: LatentDiffusion, request: Request, stop: Event
) -> Generator[SamplerEvent, None, None]:
    """What happens while a request is drawn, in order; of several waiting steps the last one.

    Setting `stop` ends the sampler before its next step; its last event is `GenerationStopped`.
    Closing the iterator does the same. Whatever else goes wrong in the thread is raised here.
    """
    events: SimpleQueue[SamplerEvent | BaseException | None] = SimpleQueue()
    every = max(1, request.steps // PREVIEWS)

    def draw_picture(number: int, seed: int) -> Drawn:
        preview: np.ndarray

        def on_step(step: Step) -> None:
            nonlocal preview
            if stop.is_set():
                raise GenerationStopped
            if (step.number - 1) % every == 0:
                preview = to_pictures(backbone.decode_latents(step.latents))[0]
            events.put(Progress(number, step.number, step.timestep, preview))

        if stop.is_set():
            raise GenerationStopped
        start = perf_counter()
        generation = request.generate(backbone, seed, on_step)
        return Drawn(generation, perf_counter() - start)

    def work() -> None:
        try:
            for number, seed in enumerate(request.seeds, start=1):
                events.put(draw_picture(number, seed))
            events.put(None)
        except BaseException as error:
            events.put(error)

    # A thread of its own: gradio moves between threads, and a recording sees only its own.
    Thread(target=work, name="sampler", daemon=True).start()
    try:
        while (event := _latest(events)) is not None:
            if isinstance(event, BaseException) and not isinstance(event, GenerationStopped):
                raise event
            yield event
            if isinstance(event, GenerationStopped):
                return
    finally:
        stop.set()


def _latest(events: SimpleQueue) -> SamplerEvent | BaseException | None:
    """The next event, without steps that later ones have overtaken."""
    event = events.get()
    while isinstance(event, Progress):
        try:
            event = events.get_nowait()
        except Empty:
            break
    return event


@dataclass(frozen=True, eq=False)  # compared by identity: arrays have no single truth
class Session:
    """The last request's pictures, the one looked at, and what was segmented in that.

    Tensors are on the CPU; only the last request is kept, at most four pictures.
    """

    drawn: tuple[Drawn, ...]
    backbone: str  # that drew them, and whose networks segment them
    offered: tuple[str, ...]  # phrases that stand as buttons, in the order of their colours
    place: int = 0  # of the picture looked at
    comparison: Comparison | None = None  # of all networks, with reused features if there are any
    missing: Mapping[str, str] = field(default_factory=dict)  # network without weights -> a remedy
    exact: Comparison | None = None  # of LD-ZNet for the same phrases, without reuse

    @property
    def generation(self) -> Generation:
        """The picture looked at."""
        return self.drawn[self.place].generation

    @property
    def drawing(self) -> Drawing:
        """The same for other tabs, with the backbone that drew it."""
        return Drawing(self.generation, self.backbone)

    @property
    def picture(self) -> Picture:
        """The same as any other picture."""
        generation = self.generation
        return Picture(
            generation.image,
            about=f"“{generation.prompt}”, seed {generation.seed}",
            file=f"generated-seed-{generation.seed}.png",
        )

    @property
    def segmented(self) -> tuple[str, ...]:
        """The phrases that were segmented."""
        return self.comparison.phrases if self.comparison else ()


@dataclass(frozen=True, eq=False)
class Shown:
    """A session on the page, and what its controls say."""

    session: Session
    phrases: Sequence[str]  # chosen
    view: str = "overlay"
    threshold: float = 0.5
    opacity: float = 0.45
    put_away: bool = False  # whether the visitor's own is kept no more, and this stands in for it

    @property
    def look(self) -> Look:
        """How results are shown: those of the phrases chosen that were segmented."""
        phrases = tuple(phrase for phrase in self.session.segmented if phrase in self.phrases)
        threshold, opacity = round(self.threshold, 2), round(self.opacity, 2)
        return Look(self.view, threshold, opacity, phrases, order=self.session.offered)


def open_session(drawn: Sequence[Drawn], backbone: str) -> Session:
    """A session that looks at the first of some pictures of one prompt.

    It offers to segment the prompt's noun phrases, then their words.
    """
    prompt = drawn[0].generation.prompt
    phrases = noun_phrases(prompt)
    taken = {phrase.lower() for phrase in phrases}
    single = (word for word in words(prompt) if word.lower() not in taken)
    return Session(tuple(drawn), backbone, (*phrases, *single)[:MAX_PHRASES])


def offer_more(session: Session, phrases: Sequence[str]) -> Session:
    """The session with more buttons. Raises a complaint if there would be too many."""
    offered = tuple(dict.fromkeys((*session.offered, *phrases)))
    if len(offered) > MAX_PHRASES:
        raise InputError(
            "phrases", f"At most {MAX_PHRASES} phrases at a time; draw again to begin afresh."
        )
    return replace(session, offered=offered)


def segment(
    segmenter: Segmenter, session: Session, phrases: Sequence[str], report: Report | None = None
) -> Session:
    """The session with these phrases segmented.

    Raises a complaint about the phrases if they cannot be used.
    """
    in_order = tuple(reversed(NETWORKS))  # as they stand on the page: what reads most comes first
    trained = [name for name in in_order if name in segmenter.networks]
    networks = trained or list(segmenter.networks)  # where none was trained, those that need not be
    comparison = _run(segmenter, session, networks, phrases, reuse=True, report=report)
    missing = {name: segmenter.missing[name] for name in in_order if name in segmenter.missing}
    return replace(session, comparison=comparison, missing=missing, exact=None)


def segment_exactly(segmenter: Segmenter, session: Session, report: Report) -> Session:
    """A session with phrases segmented, and LD-ZNet's exact answer beside the one that reuses.

    Both run again, one right after the other, so that their times compare.
    """
    assert session.comparison is not None
    question = segmenter, session, [REUSING], session.segmented
    again, exact = _run(*question, reuse=True), _run(*question, reuse=False, report=report)
    seconds = {**session.comparison.seconds, **again.seconds}
    comparison = replace(session.comparison, seconds=seconds)
    return replace(session, comparison=comparison, exact=exact)


def _run(
    segmenter: Segmenter,
    session: Session,
    networks: Sequence[str],
    phrases: Sequence[str],
    *,
    reuse: bool,
    report: Report | None = None,
) -> Comparison:
    with complaints_about("phrases"):
        segmentations = segmenter.compare_generated(
            session.generation, phrases, networks, reuse=reuse, progress=report
        )
    return compare_found(session.picture, segmentations, _settings(session, reuse))


def _settings(session: Session, reuse: bool) -> Settings:
    """The settings of a result: the reused features' timestep, else that of noising."""
    reused = session.generation.feature_timestep if reuse else None
    return Settings(session.backbone, timestep=FALLBACK if reused is None else reused)


def read_first(folder: Path = FIRST) -> Session:
    """The session that the tab opens with; `experiments.examples` writes it.

    Raises ValueError if a file is missing or damaged.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        generation = _read_generation(folder, about)
        with np.load(folder / RESULTS) as results:
            packed = {name: results[name] for name in about["seconds"]}
        drawn = Drawn(generation, about["drawing_seconds"])
        session = open_session([drawn], about["backbone"])
        comparison = Comparison(
            picture=session.picture,
            phrases=tuple(about["phrases"]),
            packed=packed,
            levels=EXAMPLE_LEVELS,
            seconds=about["seconds"],
            settings=_settings(session, reuse=True),
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"The finished generation cannot be read ({type(error).__name__}); draw it again with "
            "python -m ldznet experiment examples."
        ) from error
    return replace(session, comparison=comparison)


def _read_generation(folder: Path, about: Mapping[str, Any]) -> Generation:
    with np.load(folder / TENSORS) as file:
        tensors = {name: torch.from_numpy(file[name]) for name in file.files}
    trajectory = tensors.pop("trajectory").split(1)
    timesteps = tensors.pop("timesteps").tolist()
    return Generation(
        image=np.asarray(Image.open(folder / PICTURE).convert("RGB")),
        latents=tensors.pop("latents"),
        trajectory=dict(zip(timesteps, trajectory, strict=True)),
        features={int(block): feature for block, feature in tensors.items()},
        **{name: about[name] for name in DECIDING},
    )
