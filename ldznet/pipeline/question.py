"""What is asked of the networks about one picture, checked before any model runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PIL import Image

from ldznet.phrases import check_phrases

MAX_VALUES = 400_000_000  # probabilities of one call (1.6 GB): networks x phrases x pixels


@dataclass(frozen=True)
class Question:
    """Which networks are to find which phrases."""

    networks: tuple[str, ...]
    phrases: tuple[str, ...]

    def check_memory(self, picture: Image.Image) -> None:
        """Raises ValueError if the answer for this picture would not fit in memory."""
        rows = len(self.networks) * len(self.phrases)
        if rows * picture.width * picture.height > MAX_VALUES:
            raise ValueError(
                f"{len(self.phrases)} phrases in a picture of {picture.width} x {picture.height} "
                "pixels need too much memory; ask for fewer or make the picture smaller."
            )


def ask(phrases: Sequence[str], networks: tuple[str, ...]) -> Question:
    """The question; raises ValueError for phrases that `check_phrases` refuses."""
    return Question(networks, check_phrases(phrases))


def check_names(names: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """The names, each once. Raises ValueError for none, or one that is not known."""
    choices = tuple(known)
    unknown = [name for name in names if name not in choices]
    if unknown or not names:
        what = f"There is no network '{unknown[0]}'" if unknown else "No network was named"
        raise ValueError(f"{what}; choose from {', '.join(choices)}.")
    return tuple(dict.fromkeys(names))
