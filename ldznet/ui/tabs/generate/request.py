"""What a visitor asks to be drawn, checked before anything runs."""

from dataclasses import dataclass

from ldznet.backbone.generation import check_prompts, check_sampling
from ldznet.backbone.ldm import LatentDiffusion, check_seed
from ldznet.ui.inputs import complaints_about, is_number, read_whole

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
    wanted, unwanted = (" ".join((text or "").split()) for text in (prompt, negative_prompt))
    with complaints_about("prompt"):
        check_prompts(backbone, wanted, unwanted)
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
    return Request(wanted, unwanted, whole_steps, float(guidance), first, pictures)
