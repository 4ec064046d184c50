"""What may be asked for: checks phrases and words them for the text encoder."""

from collections.abc import Sequence

MAX_PHRASES = 16
MAX_PHRASE_LENGTH = 200  # characters


def check_phrases(phrases: Sequence[str]) -> tuple[str, ...]:
    """The phrases without the space around them.

    Raises ValueError for none or more than 16, an empty one, or one over 200 characters.
    """
    if isinstance(phrases, str):
        raise ValueError("Phrases come as a list, even a single one.")
    stripped = tuple(phrase.strip() for phrase in phrases)
    if not stripped:
        raise ValueError("Name at least one phrase to segment.")
    if len(stripped) > MAX_PHRASES:
        raise ValueError(f"At most {MAX_PHRASES} phrases at a time; got {len(stripped)}.")
    for number, phrase in enumerate(stripped, start=1):
        if not phrase:
            raise ValueError(f"Phrase {number} is empty; write what to segment.")
        if len(phrase) > MAX_PHRASE_LENGTH:
            raise ValueError(
                f"Phrase {number} ('{phrase[:30]}…') has {len(phrase)} characters; "
                f"write at most {MAX_PHRASE_LENGTH}."
            )
    return stripped


def apply_template(template: str, phrases: Sequence[str]) -> tuple[str, ...]:
    """The texts the encoder reads: each phrase in place of the template's "{}".

    Raises ValueError unless the template holds "{}" exactly once.
    """
    if template.count("{}") != 1:
        raise ValueError(f"The template '{template[:60]}' must hold {{}} once, for the phrase.")
    return tuple(template.replace("{}", phrase) for phrase in phrases)
