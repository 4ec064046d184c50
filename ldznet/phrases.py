"""Phrases: what may be asked for, its wording for the text encoder, and what a prompt names."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

MAX_PHRASES = 16
MAX_PHRASE_LENGTH = 200  # characters

# What word processors put for characters of the keyboard, and captions hardly ever hold.
_TWINS = {
    "'": "\u2018\u2019\u201a\u201b\u2032\u2035\u2039\u203a\u00b4\u02b9\u02bb\u02bc\u02bd",
    '"': "\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb\u301d\u301e\u301f",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63",
    "...": "\u2026",
}
_PLAIN = str.maketrans(
    {other: plain for plain, others in _TWINS.items() for other in others}
    | {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # of full width
)
# Seen by nobody, though no control or format characters by their category.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")


def clean_text(text: str) -> str:
    """The text as if typed on a plain keyboard.

    Typographic quotes and dashes and characters of full width become their plain twins, characters
    that nobody sees are left out, and any run of white space becomes one space, none at the ends.
    """
    spaced = " ".join(text.split())
    seen = "".join(character for character in spaced if not _is_invisible(character))
    return " ".join(unicodedata.normalize("NFC", seen).translate(_PLAIN).split())


def _is_invisible(character: str) -> bool:
    if character in _BLANKS or unicodedata.category(character) in ("Cc", "Cf", "Cs"):
        return True
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def strip_punctuation(word: str) -> str:
    """The word without the punctuation around it; nothing of what is only punctuation."""
    while word and not _is_of_a_word(word[0]):
        word = word[1:]
    while word and not _is_of_a_word(word[-1]):
        word = word[:-1]
    return word


def _is_of_a_word(character: str) -> bool:
    # Other symbols (So) such as an emoji stand for a thing, as a word does.
    return character.isalnum() or unicodedata.category(character) in ("So", "Mn", "Mc")


def check_phrases(phrases: Sequence[str]) -> tuple[str, ...]:
    """The phrases as `clean_text` leaves them, one for each, in their order.

    Raises ValueError for none or more than 16, an empty one, or one over 200 characters.
    """
    if isinstance(phrases, str):
        raise ValueError("Phrases come as a list, even a single one.")
    stripped = tuple(map(clean_text, phrases))
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


def check_template(template: str) -> None:
    """Raises ValueError unless the template holds "{}" exactly once."""
    if template.count("{}") != 1:
        raise ValueError(f"The template '{template[:60]}' must hold {{}} once, for the phrase.")


def apply_template(template: str, phrases: Sequence[str]) -> tuple[str, ...]:
    """The texts the encoder reads: each phrase in place of the template's "{}".

    Raises ValueError as `check_template` does.
    """
    check_template(template)
    return tuple(template.replace("{}", phrase) for phrase in phrases)


# The things a prompt names. No grammar is parsed: a prompt is split at words that cannot be part of
# a thing's name, which needs no model and finds the usual "a red ball left of two blue stars".

# A word, or a run of anything else but space and word-inner marks: punctuation ends a phrase.
_TOKEN = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*|[^\w\s]+")

_RELATIONS = re.compile(
    r"\b(?:(?:to|on|at|in)\s+the\s+(?:left|right|top|bottom|front|back|side|middle|centre|center)"
    r"|left|right|front|top|inside|outside|out|instead|because|made|full|next|close|lots?|plenty)"
    r"\s+(?:of|to)\b",
    re.IGNORECASE,
)


_LONG_DASH = re.compile("[\u2013\u2014\u2015]")  # stands between words, never inside one


def _set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_DETERMINERS = _set("""
    a an the this that these those some any all every each both another other no my your his her its
    our their several many few much more most
""")
_NUMBERS = _set("""
    one two three four five six seven eight nine ten eleven twelve dozen dozens hundreds pair couple
""")
_PREPOSITIONS = _set("""
    about above across after against along amid among around as at atop before behind below beneath
    beside besides between beyond by down during for from in inside into like near next of off on
    onto opposite out outside over past through to toward towards under underneath up upon via with
    within without
""")
_JUNCTIONS = _set("""
    and or but nor so while where when which who whom whose than then there here not it he she they
    them him i you we us very extremely highly
""")
_VERBS = _set("""
    is are was were be been being am has have had having do does did stands stand stood sits sit sat
    lies lie lay hangs hang hung rests rest floats float flies fly runs run walks walk looks look
    wears wear holds hold carries carry rides ride eats eat made filled covered surrounded
""")
_BEFORE_A_NAME = _DETERMINERS | _NUMBERS | _PREPOSITIONS
_BOUNDARIES = _BEFORE_A_NAME | _JUNCTIONS | _VERBS
# "A photo of a ball" shows a ball: what such a word says is about the picture, not in it.
_MEDIA = _set("""
    photo photos photograph photography picture image shot close-up closeup view scene drawing
    sketch painting watercolour watercolor art artwork illustration render rendering portrait poster
    print sign engraving etching cartoon still depiction snapshot
""")
# Nouns that look like the verb in "a dog chasing a ball".
_NOUNS_IN_ING = _MEDIA | _set("""
    ring king wing string spring building ceiling clothing morning evening wedding earring thing
    swing sling railing awning icing pudding dumpling duckling lightning
""")


def noun_phrases(prompt: str) -> tuple[str, ...]:
    """The things a prompt names, in its order and spelling, each once, without articles or numbers.

    "a photo of a red ball left of two blue stars on grass" names "red ball", "blue stars" and
    "grass". A heuristic for English: what it misses can still be typed.
    """
    phrases: dict[str, str] = {}
    for phrase in _split(clean_text(_LONG_DASH.sub(" - ", prompt))):
        phrases.setdefault(phrase.lower(), phrase)
    return tuple(phrases.values())


def words(prompt: str) -> tuple[str, ...]:
    """The words of a prompt's noun phrases, in its order and spelling, each once."""
    spellings: dict[str, str] = {}
    for phrase in noun_phrases(prompt):
        for word in phrase.split():
            spellings.setdefault(word.lower(), word)
    return tuple(spellings.values())


def _split(prompt: str) -> Iterator[str]:
    """The runs of words between boundaries, but for those that name the kind of picture."""
    tokens = _TOKEN.findall(_RELATIONS.sub(" , ", prompt))
    runs: list[str] = []
    run: list[str] = []
    for token, following in zip(tokens, [*tokens, "."][1:], strict=True):
        if not _ends_a_name(token, bool(run), following.lower()):
            run.append(token)
            continue
        if token.lower() == "of" and run and run[-1].lower() in _MEDIA:
            runs.clear()  # with what described it: "a black and white photo of"
        elif run:
            runs.append(" ".join(run))
        run = []
    if run:
        runs.append(" ".join(run))
    return iter(runs)


def _ends_a_name(token: str, inside: bool, following: str) -> bool:
    word = token.lower()
    if word in _BOUNDARIES or not word[0].isalpha():
        return True
    is_verb = word.endswith("ing") and word not in _NOUNS_IN_ING
    return is_verb and inside and (following in _BEFORE_A_NAME or not following[0].isalpha())
