"""Runs networks for a comparison: all of them, or those it lacks."""

import logging
from collections.abc import Sequence

from ldznet.peers import PEERS
from ldznet.phrases import apply_template
from ldznet.pipeline import Segmenter
from ldznet.ui.inputs import complaints_about
from ldznet.ui.models import Loaded, Models
from ldznet.ui.state import OWN, Comparison, Picture, Settings, all_columns, begin, first_columns
from ldznet.ui.wiring import Report


def run_comparison(
    loaded: Loaded,
    picture: Picture,
    phrases: tuple[str, ...],
    *,
    columns: Sequence[str] | None = None,
    seed: int = 0,
    timestep: int = 400,
    template: str = "{}",
    report: Report | None = None,
) -> Comparison:
    """Run the networks of these columns that there are; by default of the first ones.

    Raises an error about the phrases or settings that cannot be used.
    """
    columns = first_columns() if columns is None else columns
    with complaints_about("settings"):
        texts = apply_template(template, phrases)
    with complaints_about("phrases"):
        loaded.segmenter.backbone.encode_text(texts)  # only to hear whether one is too long
    settings = Settings(loaded.backbone, int(seed), int(timestep), template)
    comparison = begin(picture, phrases, settings)
    names = [name for name in columns if can_run(loaded.segmenter, name)]
    with complaints_about("settings"):
        return _run(loaded.segmenter, comparison, names, report)


def complete_comparison(
    models: Models,
    session: str | None,
    comparison: Comparison,
    columns: Sequence[str],
    report: Report | None = None,
) -> Comparison:
    """The comparison with the columns it lacks, found for the same picture, phrases and settings.

    Nothing that was found before runs again. What cannot be had is noted in `failed`, so that no
    column waits for ever. `session` is that of the visitor, as of `Models.of`.
    """
    try:
        segmenter = models.of(comparison.settings.backbone, session).segmenter
        names = lacking(segmenter, comparison, columns)
        return _run(segmenter, comparison, names, report)
    except ValueError as error:
        why = str(error)
    except Exception:
        why = "This could not be computed; see what the server printed."
        logging.getLogger(__name__).exception(why)
    names = tuple(name for name in columns if name not in (*comparison.packed, OWN))
    return comparison.with_results({}, dict.fromkeys(names, why))


def lacking(
    segmenter: Segmenter, comparison: Comparison, columns: Sequence[str]
) -> tuple[str, ...]:
    """The columns without a result that running a network may fill."""
    known = {*comparison.packed, *comparison.failed}
    return tuple(name for name in columns if name not in known and can_run(segmenter, name))


def can_run(segmenter: Segmenter, column: str) -> bool:
    """Whether a column is a network with weights, or a peer, which may have to be loaded first."""
    return column in segmenter.networks or column in PEERS


def _run(
    segmenter: Segmenter, comparison: Comparison, names: Sequence[str], report: Report | None
) -> Comparison:
    """The comparison with the answers of these networks; a peer that cannot be had is noted."""
    failed = {}
    for name in names:
        if name in PEERS and name not in segmenter.peers:
            if report:
                report(0, f"Loading {all_columns()[name].title}")
            try:
                segmenter.add_peer(name)
            except ValueError as error:
                failed[name] = str(error)
    ready = [name for name in names if name not in failed]
    if not ready:
        return comparison.with_results({}, failed)
    settings = comparison.settings
    segmentations = segmenter.compare(
        comparison.picture.image,
        comparison.phrases,
        ready,
        seed=settings.seed,
        timestep=settings.timestep,
        template=settings.template,
        progress=report,
    )
    return comparison.with_results(segmentations, failed)
