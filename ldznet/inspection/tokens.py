"""The tokens of a phrase, as a reader wants to see them."""

from dataclasses import dataclass

from ldznet.backbone import LatentDiffusion

START, END = "⟨start⟩", "⟨end⟩"


@dataclass(frozen=True)
class Tokens:
    """A phrase's tokens from the start token to the first end token; the padding is left out."""

    words: tuple[str, ...]  # a word of several tokens comes in pieces
    special: tuple[bool, ...]  # whether it is the start or the end token


def check_phrase(phrase: str) -> str:
    """The phrase without the space around it; raises ValueError if nothing is left."""
    if not phrase.strip():
        raise ValueError("The phrase is empty; write what to look for.")
    return phrase.strip()


def read_tokens(backbone: LatentDiffusion, phrase: str) -> Tokens:
    """The tokens of a phrase, start and end token included."""
    tokenizer = backbone.tokenizer
    inner = tokenizer(phrase, add_special_tokens=False).input_ids
    pieces = tokenizer.convert_ids_to_tokens(inner)
    words = [
        _readable(tokenizer.decode([number]), piece)
        for number, piece in zip(inner, pieces, strict=True)
    ]
    return Tokens((START, *words, END), (True, *[False] * len(words), True))


def _readable(text: str, piece: str) -> str:
    """The token's text; its raw spelling if it is only some bytes of a character."""
    return piece.removesuffix("</w>") if "\ufffd" in text else text.strip()
