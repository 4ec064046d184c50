"""What can be said about a scene: its caption, phrases that name objects, phrases that name none.

A phrase is only produced when every object is clearly meant or clearly not meant by it.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import numpy as np

from ldznet.data.shapes.backgrounds import BACKGROUNDS, SIDE
from ldznet.data.shapes.categories import CATEGORIES, PART_COLOURS
from ldznet.data.shapes.palette import COLOURS
from ldznet.data.shapes.scene import SIZES, Scene, SceneObject

DENSE_TOKENS = 64  # that the longest full caption fits, start and end token included
PhraseKind = Literal["category", "colour", "size", "relation", "plural"]

MARGIN = 12  # pixels between two centres before one counts as left, right, above or below
_DOMINANCE = 1.5  # how many times further along that axis than across it
_BEHIND = 4  # pixels the other way before one surely does not count
_OFF_CENTRE = 14  # pixels from the picture's middle before a thing is on one side of it
_CENTRAL = 10  # pixels up to which it is in the middle
_SIZE_RATIO = 1.35  # between the smallest large and the largest small object in sight

_STYLE_WORDS = {
    "photo": "a photo of",
    "flat": "a flat drawing of",
    "sketch": "a sketch of",
    "pixel": "pixel art of",
    "watercolour": "a watercolour of",
    "neon": "a neon sign of",
}
_RELATIONS = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}
_SKY_CLOUDS = ("cloud", "white cloud", "blue cloud", "cyan cloud")
_NUMBERS = {2: "two", 3: "three", 4: "four"}
_PLURALS = {"box": "boxes", "fish": "fish"}


@dataclass(frozen=True)
class ScenePhrase:
    """A phrase and the union of everything in its scene that it names."""

    text: str
    kind: PhraseKind
    mask: np.ndarray  # (128, 128) bool


def plural(noun: str) -> str:
    """The plural of a category."""
    return _PLURALS.get(noun, noun + "s")


def caption(scene: Scene) -> str:
    """One sentence of at most 28 words: style, objects and mostly the background.

    Sizes are named where they differ clearly, the relation of two objects in half of the scenes.
    """
    objects = scene.objects
    with_size = _sizes_differ(objects)
    choice = np.random.default_rng([scene.number, len(objects)]).random(2)
    groups = Counter(_describe(thing, with_size) for thing in objects)
    nouns = [_count(*group) for group in groups.items()]
    relation = _relation(objects[0], objects[1]) if len(nouns) == len(objects) == 2 else None
    if relation and choice[0] < 0.5:
        listing = f"{nouns[0]} {relation} {nouns[1]}"
    else:
        listing = " and ".join(nouns)  # no commas: the vocabulary is of words alone
    place = BACKGROUNDS[scene.background].words
    if scene.background == "plain" and choice[1] < 0.5:
        place = ""
    return f"{_STYLE_WORDS[scene.style]} {listing} {place}".strip()


def full_captions(scene: Scene, count: int) -> tuple[str, ...]:
    """`count` captions that say everything: style, objects with place, relations, background.

    Sizes and places are named where nobody would argue. The captions differ in the order of the
    objects and in which relation they name; of at most `DENSE_TOKENS` - 2 words.
    """
    return tuple(_full_caption(scene, variant) for variant in range(count))


def _full_caption(scene: Scene, variant: int) -> str:
    objects = scene.objects
    random = np.random.default_rng([scene.number, len(objects), variant])
    with_size = _sizes_differ(objects)
    order = random.permutation(len(objects))
    nouns = [
        f"{_count(_describe(objects[index], with_size), 1)} {place_of(objects[index])}".strip()
        for index in order
    ]
    words = [_STYLE_WORDS[scene.style], " and ".join(nouns)]
    pairs = [pair for pair in permutations(objects, 2) if _unique_relation(objects, *pair)]
    if pairs:
        one, other = pairs[random.integers(len(pairs))]
        names = [_unique_name(objects, thing) for thing in (one, other)]
        words.append(f"with the {names[0]} {_relation(one, other)} the {names[1]}")
    return " ".join((*words, BACKGROUNDS[scene.background].words))


def place_of(thing: SceneObject) -> str:
    """Where in the picture a thing is: "at the top left", "in the middle"; "" when one could argue.

    The centre of mass and the middle of the box have to agree.
    """
    columns, rows = zip(thing.centre, _middle(thing), strict=True)
    side, height = _third(columns, "left", "right"), _third(rows, "top", "bottom")
    if side == height == "middle":
        return "in the middle"
    if height in ("top", "bottom"):
        return f"at the {height} {side}" if side in ("left", "right") else f"at the {height}"
    return f"on the {side}" if side in ("left", "right") else ""


def _third(values: Iterable[float], low: str, high: str) -> str:
    """Which third of the picture all values lie in; "" between two."""
    values = tuple(values)
    if max(values) < SIDE / 2 - _OFF_CENTRE:
        return low
    if min(values) > SIDE / 2 + _OFF_CENTRE:
        return high
    return "middle" if all(abs(value - SIDE / 2) < _CENTRAL for value in values) else ""


def _unique_relation(
    objects: Iterable[SceneObject], thing: SceneObject, reference: SceneObject
) -> bool:
    named = _unique_name(objects, thing) and _unique_name(objects, reference)
    return bool(named) and _relation(thing, reference) is not None


def _unique_name(objects: Iterable[SceneObject], thing: SceneObject) -> str:
    """Its category, or with its colour, whichever names it alone; "" if neither does."""
    alike = [other for other in objects if other.category == thing.category]
    if len(alike) == 1:
        return thing.category
    same = [other for other in alike if other.colour == thing.colour]
    return f"{thing.colour} {thing.category}" if len(same) == 1 else ""


def _describe(thing: SceneObject, with_size: bool) -> tuple[str, ...]:
    return (thing.size, thing.colour, thing.category)[0 if with_size else 1 :]


def _count(words: tuple[str, ...], count: int) -> str:
    if count == 1:
        article = "an" if words[0][0] in "aeiou" else "a"
        return " ".join((article, *words))
    return " ".join((_NUMBERS[count], *words[:-1], plural(words[-1])))


def _relation(first: SceneObject, second: SceneObject) -> str | None:
    return next((words for words in _RELATIONS if _holds(first, words, second)), None)


def _holds(thing: SceneObject, relation: str, reference: SceneObject) -> bool | None:
    """Whether `thing` lies that way of the reference; None when one could argue.

    The centres of mass and the middles of the boxes have to agree, and the boxes to lie side by
    side: at most a third of the smaller one's extent is shared.
    """
    x, y = _RELATIONS[relation]
    offsets = [
        (there[0] - here[0], there[1] - here[1])
        for there, here in ((thing.centre, reference.centre), (_middle(thing), _middle(reference)))
    ]
    along = [x * dx + y * dy for dx, dy in offsets]
    across = [abs(y * dx) + abs(x * dy) for dx, dy in offsets]
    if max(along) < -_BEHIND:
        return False
    far = min(along) > MARGIN and all(
        a >= _DOMINANCE * b for a, b in zip(along, across, strict=True)
    )
    return True if far and _side_by_side(thing, reference, axis=0 if x else 1) else None


def _middle(thing: SceneObject) -> tuple[float, float]:
    left, top, right, bottom = thing.box
    return (left + right) / 2, (top + bottom) / 2


def _side_by_side(one: SceneObject, other: SceneObject, axis: int) -> bool:
    shared = min(one.box[axis + 2], other.box[axis + 2]) - max(one.box[axis], other.box[axis])
    smaller = min(thing.box[axis + 2] - thing.box[axis] for thing in (one, other))
    return shared <= smaller / 3


def _sizes_differ(objects: Iterable[SceneObject]) -> bool:
    """Whether there are small and large objects that nobody would confuse."""
    spans: dict[str, list[int]] = {size: [] for size in SIZES}
    for thing in objects:
        left, top, right, bottom = thing.box
        spans[thing.size].append(max(right - left, bottom - top))
    return all(spans.values()) and min(spans["large"]) >= _SIZE_RATIO * max(spans["small"])


def phrases(scene: Scene) -> tuple[ScenePhrase, ...]:
    """Every unambiguous phrase about this scene, in a fixed order, each text once."""
    by_text: dict[str, ScenePhrase] = {}

    def say(text: str, kind: PhraseKind, named: Iterable[SceneObject]) -> None:
        mask = np.logical_or.reduce([thing.mask for thing in named])
        by_text.setdefault(text, ScenePhrase(text, kind, mask))

    _say_categories(scene.objects, say)
    _say_colours(scene.objects, say)
    _say_sizes(scene.objects, say)
    _say_relations(scene.objects, say)
    return tuple(by_text.values())


_Say = Callable[[str, PhraseKind, Iterable[SceneObject]], None]


def _grouped(
    objects: Iterable[SceneObject], *attributes: str
) -> dict[tuple[str, ...], list[SceneObject]]:
    groups: dict[tuple[str, ...], list[SceneObject]] = {}
    for thing in objects:
        groups.setdefault(tuple(getattr(thing, name) for name in attributes), []).append(thing)
    return groups


def _say_categories(objects: tuple[SceneObject, ...], say: _Say) -> None:
    for (category,), named in _grouped(objects, "category").items():
        say(category, "category", named)
        if len(named) > 1:
            say(f"the {plural(category)}", "plural", named)
            say(f"{_NUMBERS[len(named)]} {plural(category)}", "plural", named)
    if len(objects) > 1:
        say("all objects", "plural", objects)


def _say_colours(objects: tuple[SceneObject, ...], say: _Say) -> None:
    for (colour, category), named in _grouped(objects, "colour", "category").items():
        say(f"{colour} {category}", "colour", named)
        if len(named) > 1:
            say(f"all {colour} {plural(category)}", "plural", named)
    for (colour,), named in _grouped(objects, "colour").items():
        # With a red flower in sight, is its green stem one of the green things? Do not ask.
        if any(PART_COLOURS.get(thing.category) == colour for thing in objects):
            continue
        say(f"{colour} object" if len(named) == 1 else f"{colour} things", "colour", named)


def _say_sizes(objects: tuple[SceneObject, ...], say: _Say) -> None:
    if not _sizes_differ(objects):
        return
    for (size, category), named in _grouped(objects, "size", "category").items():
        say(f"{size} {category}", "size", named)
    for (size, colour, category), named in _grouped(objects, "size", "colour", "category").items():
        say(f"{size} {colour} {category}", "size", named)
    for (size,), named in _grouped(objects, "size").items():
        say(f"{size} object" if len(named) == 1 else f"{size} things", "size", named)


def _say_relations(objects: tuple[SceneObject, ...], say: _Say) -> None:
    categories = _grouped(objects, "category")
    kinds = _grouped(objects, "colour", "category")
    for reference in objects:
        if len(categories[reference.category,]) == 1:
            name = reference.category
        elif len(kinds[reference.colour, reference.category]) == 1:
            name = f"{reference.colour} {reference.category}"
        else:
            continue
        subjects = {words: list(named) for words, named in [*categories.items(), *kinds.items()]}
        for words, candidates in subjects.items():
            others = [thing for thing in candidates if thing is not reference]
            for relation in _RELATIONS:
                verdicts = [_holds(thing, relation, reference) for thing in others]
                if None not in verdicts and any(verdicts):
                    named = [t for t, verdict in zip(others, verdicts, strict=True) if verdict]
                    say(f"{' '.join(words)} {relation} the {name}", "relation", named)


def absent_phrases(scene: Scene) -> tuple[str, ...]:
    """Phrases (category, or colour and category) that surely name nothing in this scene."""
    categories = {thing.category for thing in scene.objects}
    colours = {thing.colour for thing in scene.objects}
    present = {(thing.colour, thing.category) for thing in scene.objects}
    absent = [category for category in CATEGORIES if category not in categories]
    for colour in COLOURS:
        for category in CATEGORIES:
            near = colour in colours or category in categories  # half true: the telling ones
            own_part = category in categories and PART_COLOURS.get(category) == colour
            if near and not own_part and (colour, category) not in present:
                absent.append(f"{colour} {category}")
    if scene.background == "sky":  # which may look cloudy
        absent = [text for text in absent if text not in _SKY_CLOUDS]
    return tuple(absent)


def _vocabulary() -> tuple[str, ...]:
    sentences = [
        *CATEGORIES,
        *map(plural, CATEGORIES),
        *COLOURS,
        *SIZES,
        *_STYLE_WORDS.values(),
        *_RELATIONS,
        *_NUMBERS.values(),
        *(place.words for place in BACKGROUNDS.values()),
        "a an and the all object objects things",
    ]
    return tuple(sorted({word for sentence in sentences for word in sentence.split()}))


WORDS = _vocabulary()  # every word that captions and phrases use
_PLACE_WORDS = ("at", "bottom", "in", "middle", "on", "top", "with")
DENSE_WORDS = tuple(sorted({*WORDS, *_PLACE_WORDS}))  # that full captions use, too
