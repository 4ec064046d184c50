"""What a visitor asks to be drawn, checked before anything runs."""

import math
from dataclasses import dataclass

from ldznet.backbone.generation import check_prompts, check_sampling
from ldznet.backbone.ldm import check_seed
from ldznet.ui.models import Models
from ldznet.ui.run import InputError, complaints_about

MAX_COUNT = 4


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


def read_request(
    models: Models,
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
    wanted, unwanted = (" ".join((text or "").split()) for text in (prompt, negative_prompt))
    with complaints_about("prompt"):
        check_prompts(models.segmenter.backbone, wanted, unwanted)
    with complaints_about("sampling"):
        whole_steps, strength = _whole("number of steps", steps), _finite("guidance", guidance)
        check_sampling(whole_steps, strength)
        pictures = _whole("number of pictures", count)
        if not 1 <= pictures <= MAX_COUNT:
            raise ValueError(f"The number of pictures must be from 1 to {MAX_COUNT}; got {count}.")
        first = _whole("seed", seed)
        check_seed(first)
        check_seed(first + pictures - 1)
    return Request(wanted, unwanted, whole_steps, float(strength), first, pictures)


def _whole(name: str, value: float | None) -> int:
    number = _finite(name, value)
    if number != int(number):
        raise InputError("sampling", f"The {name} must be a whole number; got {value}.")
    return int(number)


def _finite(name: str, value: float | None) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InputError("sampling", f"Fill in the {name}, a number.")
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError("sampling", f"The {name} must be a finite number; got {value}.")
    return value
