"""What a session keeps of its last request, and what was found in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ldznet.phrases import MAX_PHRASES, noun_phrases, words
from ldznet.pipeline import Segmenter
from ldznet.types import Generation
from ldznet.ui.inputs import InputError, complaints_about
from ldznet.ui.models import Models
from ldznet.ui.run import Report
from ldznet.ui.state import Comparison, Picture, Settings, compare_found
from ldznet.ui.tabs.generate.sampling import Drawn

NETWORKS = ("ldznet", "znet", "rgbnet")  # as they stand on the page


@dataclass(frozen=True, eq=False)  # compared by identity: arrays have no single truth
class Session:
    """The last request's pictures, the one looked at, and what was found in that.

    Tensors are on the CPU; only the last request is kept, at most four pictures.
    """

    drawn: tuple[Drawn, ...]
    backbone: str  # that drew them, and whose networks are asked about them
    offered: tuple[str, ...]  # phrases that stand as buttons, in the order of their colours
    place: int = 0  # of the picture looked at
    found: Comparison | None = None  # of all networks, with reused features where there are any
    missing: Mapping[str, str] = field(default_factory=dict)  # network without weights -> a remedy
    exact: Comparison | None = None  # of LD-ZNet for the same phrases, without reuse

    @property
    def generation(self) -> Generation:
        """The picture looked at."""
        return self.drawn[self.place].generation

    @property
    def seconds(self) -> float:
        """What drawing it took."""
        return self.drawn[self.place].seconds

    @property
    def picture(self) -> Picture:
        """The same as any other picture."""
        generation = self.generation
        return Picture(
            generation.image,
            about=f"“{generation.prompt}”, seed {generation.seed}",
            file=f"generated-seed-{generation.seed}.png",
        )


def open_session(drawn: Sequence[Drawn], backbone: str) -> Session:
    """A session that looks at the first of some pictures of one prompt."""
    return Session(tuple(drawn), backbone, offer(drawn[0].generation.prompt))


def offer(prompt: str) -> tuple[str, ...]:
    """What a prompt offers to segment: its noun phrases, then their words."""
    phrases = noun_phrases(prompt)
    taken = {phrase.lower() for phrase in phrases}
    single = (word for word in words(prompt) if word.lower() not in taken)
    return (*phrases, *single)[:MAX_PHRASES]


def add_phrases(session: Session, phrases: Sequence[str]) -> Session:
    """The session with more buttons. Raises a complaint if there would be too many."""
    offered = tuple(dict.fromkeys((*session.offered, *phrases)))
    if len(offered) > MAX_PHRASES:
        raise InputError(
            "phrases", f"At most {MAX_PHRASES} phrases at a time; draw again to begin afresh."
        )
    return replace(session, offered=offered)


def find(
    models: Models, session: Session, phrases: Sequence[str], report: Report | None = None
) -> Session:
    """The session with these phrases found; runs the networks only if one of them is new.

    Raises a complaint about the phrases if they cannot be used.
    """
    known = session.found.phrases if session.found else ()
    if not phrases or set(phrases) <= set(known):
        return session
    segmenter = _asked(models, session)
    trained = [name for name in NETWORKS if name in segmenter.networks]
    networks = trained or list(segmenter.networks)  # where none was trained, those that need not be
    found = _run(segmenter, session, phrases, networks, reuse=True, report=report)
    missing = {name: segmenter.missing[name] for name in NETWORKS if name in segmenter.missing}
    return replace(session, found=found, missing=missing, exact=None)


def find_exactly(models: Models, session: Session, report: Report | None = None) -> Session:
    """The session with LD-ZNet's exact answer beside the one from reused features.

    Both run again, one right after the other, so that their times compare.
    """
    if session.found is None:
        raise InputError("phrases", "Choose a word first; then the two paths can be compared.")
    segmenter, phrases = _asked(models, session), session.found.phrases
    again = _run(segmenter, session, phrases, ["ldznet"], reuse=True)
    exact = _run(segmenter, session, phrases, ["ldznet"], reuse=False, report=report)
    seconds = {**session.found.seconds, **again.seconds}
    return replace(session, found=replace(session.found, seconds=seconds), exact=exact)


def _asked(models: Models, session: Session) -> Segmenter:
    """The segmenter whose backbone drew the pictures; a complaint if it is loaded no more."""
    with complaints_about("phrases"):
        return models.of(session.backbone).segmenter


def _run(
    segmenter: Segmenter,
    session: Session,
    phrases: Sequence[str],
    networks: Sequence[str],
    *,
    reuse: bool,
    report: Report | None = None,
) -> Comparison:
    generation = session.generation
    with complaints_about("phrases"):
        found = segmenter.compare_generated(
            generation, phrases, networks, reuse=reuse, progress=report
        )
    settings = settings_of(session.backbone, generation if reuse else None)
    return compare_found(session.picture, found, settings)


def settings_of(backbone: str, reused: Generation | None) -> Settings:
    """The settings of a result: with the reused features' timestep, else with those of noising."""
    if reused is None or reused.feature_timestep is None:
        return Settings(backbone)
    return Settings(backbone, timestep=reused.feature_timestep)
