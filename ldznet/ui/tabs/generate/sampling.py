"""Draws a request's pictures in a thread of its own, told about step by step."""

from collections.abc import Generator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import perf_counter

import numpy as np
from torch import Tensor

from ldznet.backbone.generation import GenerationStopped, Step, generate
from ldznet.backbone.ldm import LatentDiffusion
from ldznet.images import to_pictures
from ldznet.types import Generation
from ldznet.ui.tabs.generate.request import Request

PREVIEWS = 10  # of a picture while it is drawn: a decoder's pass costs about half a step


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


Told = Progress | Drawn | GenerationStopped


def draw(backbone: LatentDiffusion, request: Request, stop: Event) -> Generator[Told, None, None]:
    """What happens while a request is drawn, in order; of several waiting steps the last one.

    Setting `stop` ends the sampler before its next step, and a `GenerationStopped` is told last.
    Closing the iterator does the same. Whatever else goes wrong in the thread is raised here.
    """
    told: SimpleQueue[Told | BaseException | None] = SimpleQueue()

    def work() -> None:
        try:
            for number, seed in enumerate(request.seeds, start=1):
                told.put(_draw_one(backbone, request, number, seed, stop, told))
            told.put(None)
        except BaseException as error:
            told.put(error)

    # A thread of its own: gradio moves between threads, and a recording sees only its own.
    Thread(target=work, name="sampler", daemon=True).start()
    try:
        while (news := _latest(told)) is not None:
            if isinstance(news, BaseException) and not isinstance(news, GenerationStopped):
                raise news
            yield news
            if isinstance(news, GenerationStopped):
                return
    finally:
        stop.set()


def _draw_one(
    backbone: LatentDiffusion,
    request: Request,
    number: int,
    seed: int,
    stop: Event,
    told: SimpleQueue,
) -> Drawn:
    every = max(1, request.steps // PREVIEWS)
    preview: np.ndarray

    def on_step(step: Step) -> None:
        nonlocal preview
        if stop.is_set():
            raise GenerationStopped
        if (step.number - 1) % every == 0:
            preview = _decode(backbone, step.latents)
        told.put(Progress(number, step.number, step.timestep, preview))

    if stop.is_set():
        raise GenerationStopped
    start = perf_counter()
    generation = generate(
        backbone,
        request.prompt,
        negative_prompt=request.negative_prompt,
        steps=request.steps,
        guidance=request.guidance,
        seed=seed,
        on_step=on_step,
    )
    return Drawn(generation, perf_counter() - start)


def _decode(backbone: LatentDiffusion, latents: Tensor) -> np.ndarray:
    return to_pictures(backbone.decode_latents(latents))[0]


def _latest(told: SimpleQueue) -> Told | BaseException | None:
    """The next news, without steps that newer news have overtaken."""
    news = told.get()
    while isinstance(news, Progress):
        try:
            news = told.get_nowait()
        except Empty:
            break
    return news
