"""What an ensemble buys: scores of means over more and more readings, by what they differ in."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from ldznet.metrics import IntervalMetrics
from ldznet.phrases import MAX_PHRASES
from ldznet.pipeline import Segmenter
from ldznet.pipeline.recipe import deterministic_passes, usable_templates
from ldznet.types import Sample, Scores

SIZES = (1, 2, 4, 8)
INGREDIENTS = ("noise", "timestep", "template", "all")


def measure_ensembles(
    segmenter: Segmenter,
    dataset: Iterable[Sample],
    *,
    seed: int,
    templates: Sequence[str],
    sizes: Sequence[int] = SIZES,
) -> dict[str, dict[str, dict[int, Scores]]]:
    """The scores by ingredient, network and size of the ensemble.

    The members of one ingredient differ in that alone. Noise and timestep are tried on the networks
    that read the LDM: the others do not see them. The template takes turns among those `templates`
    that the backbone has words and room for, whatever the segmenter's own ensembles use. Samples of
    one scene come one after the other. Raises ValueError for no samples.
    """
    readers = [name for name, network in segmenter.networks.items() if network.reading]
    whom = {"noise": readers, "timestep": readers}
    counted = {
        (ingredient, name, size): IntervalMetrics()
        for ingredient in INGREDIENTS
        for name in whom.get(ingredient, segmenter.networks)
        for size in sizes
    }
    empty = True
    for _, run in groupby(dataset, key=lambda sample: id(sample.image)):
        samples = list(run)[:MAX_PHRASES]
        empty = False
        phrases = [sample.phrase for sample in samples]
        plain = segmenter.compare(samples[0].image, phrases, list(segmenter.networks), seed=seed)
        for ingredient in INGREDIENTS:
            names = list(whom.get(ingredient, segmenter.networks))
            members = [{name: plain[name].probability for name in names}]
            for options in _members(segmenter, phrases, ingredient, seed, templates, max(sizes)):
                found = segmenter.compare(samples[0].image, phrases, names, **options)
                members.append({name: each.probability for name, each in found.items()})
            for name in names:
                for size in sizes:
                    mean = np.mean([member[name] for member in members[:size]], axis=0)
                    for row, sample in enumerate(samples):
                        counted[ingredient, name, size].update(mean[row], sample.mask)
    if empty:
        raise ValueError("The dataset has no samples, so there is nothing to score.")
    scores: dict[str, dict[str, dict[int, Scores]]] = {}
    for (ingredient, name, size), metrics in counted.items():
        scores.setdefault(ingredient, {}).setdefault(name, {})[size] = metrics.scores(0.5)
    return scores


def _members(
    segmenter: Segmenter,
    phrases: Sequence[str],
    ingredient: str,
    seed: int,
    templates: Sequence[str],
    size: int,
) -> list[dict[str, Any]]:
    """How `compare` is asked for each member but the first."""
    others = [each for each in templates if each != segmenter.template]
    wordings = [*usable_templates(segmenter.backbone, others, phrases), segmenter.template]
    passes = deterministic_passes(
        phrases,
        seed=seed,
        timestep=None,
        template=segmenter.template,
        others=wordings[:-1],
        ensemble=size,
    )
    members = []
    for number, each in enumerate(passes[1:]):
        options: dict[str, Any] = {"seed": seed}
        if ingredient in ("noise", "all"):
            options["seed"] = each.seed
        if ingredient in ("timestep", "all"):
            options["timestep"] = each.timestep
        if ingredient in ("template", "all"):
            options["template"] = wordings[number % len(wordings)]
        members.append(options)
    return members
