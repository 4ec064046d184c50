"""How phrases are read: at which timestep, under which noise, in which words, how many times."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.generation import FEATURE_TIMESTEPS
from ldznet.backbone.ldm import FEATURE_TIMESTEP, MAX_SEED
from ldznet.phrases import apply_template
from ldznet.pipeline.settings import Settings

# The official inference picks one at random for every phrase.
TEMPLATES = (
    "a photo of a {}.",
    "a photograph of a {}.",
    "an image of a {}.",
    "{}.",
    "a cropped photo of a {}.",
    "a good photo of a {}.",
    "a photo of one {}.",
    "a bad photo of a {}.",
    "a photo of the {}.",
)
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Pass:
    """Phrases read together, under the same noise at the same timestep."""

    rows: tuple[int, ...]  # which of the phrases
    texts: tuple[str, ...]  # these phrases as the text encoder reads them
    spans: tuple[tuple[int, int], ...]  # first character of the phrase in its text, and last + 1
    timestep: int
    seed: int  # of the noise
    # Of the sample that the latents are of the autoencoder's posterior; None: they are its mode.
    posterior_seed: int | None = None


def deterministic_passes(
    phrases: Sequence[str], settings: Settings, others: Sequence[str] = ()
) -> tuple[Pass, ...]:
    """A pass of all phrases for each member of the ensemble; the first is the plain reading.

    That is at the settings' timestep (400 unless given), in their template (the bare phrase unless
    given), with the seed's own noise. The others take timesteps spread evenly over 300 to 499,
    noise of their own, and in turn the templates `others`. A member is the same however many follow
    it.
    """
    rows = range(len(phrases))
    template = "{}" if settings.template is None else settings.template
    timestep = FEATURE_TIMESTEP if settings.timestep is None else settings.timestep
    passes = [_pass(rows, phrases, template, timestep, settings.seed)]
    wordings = [*others, template]
    for member in range(1, settings.ensemble):
        noise = int(np.random.default_rng([settings.seed, member]).integers(MAX_SEED))
        wording = wordings[(member - 1) % len(wordings)]
        passes.append(_pass(rows, phrases, wording, spread_timestep(member), noise))
    return tuple(passes)


def official_passes(phrases: Sequence[str], settings: Settings) -> tuple[Pass, ...]:
    """A pass for each phrase and member, drawn as the official inference draws them.

    Template, timestep (300 to 499; both unless given), noise and the posterior's sample follow from
    the seed, the member and the phrase's words alone.
    """
    passes = []
    for member in range(settings.ensemble):
        for row, phrase in enumerate(phrases):
            rng = np.random.default_rng([settings.seed, member, zlib.crc32(phrase.encode())])
            template = TEMPLATES[rng.integers(len(TEMPLATES))]
            timestep = int(rng.choice(FEATURE_TIMESTEPS))
            noise, posterior = rng.integers(MAX_SEED, size=2).tolist()
            if settings.template is not None:
                template = settings.template
            if settings.timestep is not None:
                timestep = settings.timestep
            passes.append(_pass([row], phrases, template, timestep, noise, posterior))
    return tuple(passes)


def usable_templates(
    backbone: LatentDiffusion, templates: Sequence[str], phrases: Sequence[str]
) -> list[str]:
    """Those of the templates whose words the backbone was taught, and in which all phrases fit."""
    limit = backbone.text_encoder.config.max_position_embeddings

    def fits(template: str) -> bool:
        rows = backbone.tokenizer(list(apply_template(template, phrases))).input_ids
        return all(len(row) <= limit for row in rows)

    return [
        template
        for template in templates
        if not backbone.unknown_words(template.replace("{}", "")) and fits(template)
    ]


def spread_timestep(member: int) -> int:
    """The timestep (300 to 499) of a member of an ensemble, counted from 0; the first's is 400.

    Steps of the golden ratio: however many members there are, they lie about evenly.
    """
    return FEATURE_TIMESTEPS[int(len(FEATURE_TIMESTEPS) * ((0.5 + member * _GOLDEN) % 1))]


def _pass(
    rows: Sequence[int],
    phrases: Sequence[str],
    template: str,
    timestep: int,
    seed: int,
    posterior_seed: int | None = None,
) -> Pass:
    chosen = [phrases[row] for row in rows]
    texts = apply_template(template, chosen)
    start = template.index("{}")
    spans = tuple((start, start + len(phrase)) for phrase in chosen)
    return Pass(tuple(rows), texts, spans, timestep, seed, posterior_seed)
