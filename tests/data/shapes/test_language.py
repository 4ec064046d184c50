import re
from collections import Counter

import numpy as np
import pytest

from ldznet.data.shapes import (
    CATEGORIES,
    COLOURS,
    DENSE_TOKENS,
    DENSE_WORDS,
    SIZES,
    WORDS,
    Scene,
    SceneObject,
    absent_phrases,
    caption,
    full_captions,
    phrases,
)
from ldznet.data.shapes.backgrounds import BACKGROUNDS
from ldznet.data.shapes.language import place_of

NUMBERS = {"two": 2, "three": 3, "four": 4}
DIRECTIONS = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}


def _singular(word: str) -> str:
    return {"boxes": "box", "fish": "fish"}.get(word, word.removesuffix("s"))


def _fits(thing: SceneObject, words: list[str]) -> bool:
    *adjectives, noun = words
    if _singular(noun) not in (thing.category, "object", "thing"):
        return False
    return all(word in (thing.colour, thing.size) for word in adjectives)


def _boxes_middle(thing: SceneObject) -> tuple[float, float]:
    rows, columns = np.nonzero(thing.mask)
    return (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2


def _mass_middle(thing: SceneObject) -> tuple[float, float]:
    rows, columns = np.nonzero(thing.mask)
    return columns.mean(), rows.mean()


def _readings(text: str, scene: Scene) -> list[list[SceneObject]]:
    """What a phrase names, read afresh from its words; a relation in each way one could mean it."""
    parts = re.split(r" (left of|right of|above|below) the ", text)
    words = parts[0].split()
    number = NUMBERS.get(words[0])
    if words[0] in ("the", "all") or number:
        words = words[1:]
    named = [thing for thing in scene.objects if _fits(thing, words)]
    if number:
        assert len(named) == number
    if len(parts) == 1:
        return [named]
    references = [thing for thing in scene.objects if _fits(thing, parts[2].split())]
    assert len(references) == 1, text
    x, y = DIRECTIONS[parts[1]]
    readings = []
    for middle in (_boxes_middle, _mass_middle):
        here = np.array(middle(references[0]))
        offsets = {
            id(thing): np.array(middle(thing)) - here
            for thing in named
            if thing is not references[0]
        }
        along = {key: offset @ (x, y) for key, offset in offsets.items()}
        across = {key: abs(offset @ (y, x)) for key, offset in offsets.items()}
        loose = [t for t in named if along.get(id(t), 0) > 0]
        strict = [t for t in loose if along[id(t)] > 12 - 1 and along[id(t)] > across[id(t)]]
        readings += [loose, strict]
    return readings


def test_masks_of_phrases_are_the_union_of_what_they_name_in_every_reading(scenes: list[Scene]):
    for scene in scenes:
        for phrase in phrases(scene):
            for named in _readings(phrase.text, scene):
                assert named, phrase.text
                union = np.zeros((128, 128), bool)
                for thing in named:
                    union |= thing.mask
                np.testing.assert_array_equal(phrase.mask, union, phrase.text)


def test_kinds_tell_what_a_phrase_relies_on(scenes: list[Scene]):
    kinds = set()
    for scene in scenes:
        for phrase in phrases(scene):
            words = phrase.text.split()
            if " the " in phrase.text:
                kind = "relation"
            elif words[0] in ("the", "all", *NUMBERS):
                kind = "plural"
            elif set(words) & set(SIZES):
                kind = "size"
            else:
                kind = "colour" if words[0] in COLOURS else "category"
            assert phrase.kind == kind, phrase.text
            kinds.add(kind)
    assert len(kinds) == 5


def test_number_of_the_noun_agrees_with_what_is_named(scenes: list[Scene]):
    for scene in scenes:
        for phrase in phrases(scene):
            count = len(_readings(phrase.text, scene)[0])
            assert (count > 1) or not re.search(r"\b(things|objects|all|two)\b", phrase.text)
            assert (count == 1) or not re.search(r"\bobject\b", phrase.text)


def test_sizes_are_named_only_where_they_differ_clearly(scenes: list[Scene]):
    named = 0
    for scene in scenes:
        texts = [phrase.text for phrase in phrases(scene) if phrase.kind == "size"]
        sized = any(set(text.split()) & set(SIZES) for text in [*texts, caption(scene)])
        if not sized or scene.style == "pixel":  # whose grid rounds what there is to measure
            continue
        named += 1
        spans = {size: [] for size in SIZES}
        for thing in scene.objects:
            rows, columns = np.nonzero(thing.mask)
            spans[thing.size].append(max(np.ptp(rows), np.ptp(columns)) + 1)
        assert min(spans["large"]) > 1.34 * max(spans["small"])
    assert named > 50


def test_green_things_are_never_asked_for_beside_a_flower_with_a_green_stem(scenes: list[Scene]):
    parts = {"flower": "green", "mushroom": "white"}
    for scene in scenes:
        texts = {phrase.text for phrase in phrases(scene)}
        for thing in scene.objects:
            colour = parts.get(thing.category)
            assert not texts & {f"{colour} things", f"{colour} object"}


def test_no_text_comes_twice_and_no_mask_is_empty(scenes: list[Scene]):
    for scene in scenes:
        texts = [phrase.text for phrase in phrases(scene)]
        assert len(texts) == len(set(texts)) >= 2
        assert all(phrase.mask.any() for phrase in phrases(scene))


def test_absent_phrases_name_nothing(scenes: list[Scene]):
    for scene in scenes:
        absent = absent_phrases(scene)
        assert len(absent) == len(set(absent)) > 10
        for text in absent:
            assert _readings(text, scene) == [[]], text
            assert text.split()[-1] in CATEGORIES
        telling = {f"{colour} {thing.category}" for thing in scene.objects for colour in COLOURS}
        assert telling & set(absent)  # right category, wrong colour


def test_captions_are_short_and_true(scenes: list[Scene]):
    for scene in scenes:
        words = caption(scene).split()
        assert 4 <= len(words) <= 28
        nouns = [word for word in map(_singular, words) if word in CATEGORIES]
        assert set(nouns) == {thing.category for thing in scene.objects}
        background = words[-1] if words[-1] in ("sky", "grass", "sand", "water", "night") else None
        assert background in (scene.background, None)
        groups = re.findall(
            r"\b(an?|two|three|four) (?:small |large )?(\w+) (\w+)", " ".join(words)
        )
        named = Counter()
        for article, colour, noun in groups:
            if colour in COLOURS:
                named[colour, _singular(noun)] += NUMBERS.get(article, 1)
        assert named == Counter((thing.colour, thing.category) for thing in scene.objects)


def test_a_relation_in_a_caption_is_true(scenes: list[Scene]):
    relations = 0
    for scene in scenes:
        relation = re.search(r"(an? .+?) (left of|right of|above|below) (an? \S.*)", caption(scene))
        if not relation:
            continue
        relations += 1
        first, second = scene.objects
        assert first.category in relation[1]
        assert second.category in relation[3]
        direction = np.array(DIRECTIONS[relation[2]])
        for middle in (_boxes_middle, _mass_middle):
            assert (np.array(middle(first)) - middle(second)) @ direction > 11
    assert relations > 20


def test_every_word_is_in_the_vocabulary(scenes: list[Scene]):
    assert len(WORDS) == len(set(WORDS)) < 100
    for scene in scenes:
        texts = [caption(scene), *(p.text for p in phrases(scene)), *absent_phrases(scene)]
        for text in texts:
            assert set(text.split()) <= set(WORDS), text


@pytest.mark.parametrize("words", ["red", "cars", "watercolour", "umbrella", "above", "snow"])
def test_the_vocabulary_has_what_a_visitor_would_type(words: str):
    assert words in WORDS


def test_likeness_is_common_enough_to_need_adjectives(scenes: list[Scene]):
    several = [scene.objects for scene in scenes if len(scene.objects) > 1]
    alike = [things for things in several if len({t.category for t in things}) < len(things)]
    assert 0.2 < len(alike) / len(several) < 0.8


def _square(category: str, size: str, left: int, top: int, side: int) -> SceneObject:
    mask = np.zeros((128, 128), bool)
    mask[top : top + side, left : left + side] = True
    centre = left + side / 2, top + side / 2
    return SceneObject(category, "red", size, centre, (left, top, left + side, top + side), mask)


def _texts(*objects: SceneObject) -> set[str]:
    image = np.zeros((128, 128, 3), np.uint8)
    return {p.text for p in phrases(Scene(0, "flat", "full", "plain", image, objects))}


@pytest.mark.parametrize(("side", "named"), [(46, False), (47, False), (49, True), (64, True)])
def test_a_size_is_named_from_a_ratio_of_1_35_on(side: int, named: bool):
    texts = _texts(_square("car", "small", 2, 2, 36), _square("car", "large", 50, 50, side))
    assert ("small car" in texts) is named
    assert ("large car" in texts) is named


@pytest.mark.parametrize(
    ("left", "top", "named"),
    [
        (60, 40, True),  # well to the right
        (32, 40, False),  # 12 pixels: the margin has to be passed
        (40, 40, False),  # 20 pixels, but half of it lies over the other
        (60, 80, False),  # as far below as to the right
        (60, 66, True),  # more to the right than below
        (20, 80, False),  # straight below
    ],
)
def test_right_of_is_said_only_beyond_dispute(left: int, top: int, named: bool):
    texts = _texts(_square("star", "large", 20, 40, 40), _square("ball", "large", left, top, 40))
    assert ("ball right of the star" in texts) is named


def test_a_third_object_in_dispute_silences_the_relation():
    star = _square("star", "large", 20, 20, 30)
    right, doubtful = _square("ball", "small", 80, 20, 30), _square("ball", "small", 28, 80, 30)
    assert "ball right of the star" in _texts(star, right)
    assert "ball right of the star" not in _texts(star, right, doubtful)


PLACES = {
    "at the top left": (-1, -1), "at the top right": (1, -1), "at the bottom left": (-1, 1),
    "at the bottom right": (1, 1), "at the top": (None, -1), "at the bottom": (None, 1),
    "on the left": (-1, None), "on the right": (1, None), "in the middle": (0, 0),
}  # fmt: skip
THING = re.compile(
    rf"an? ((?:(?:{'|'.join(SIZES)}) )?(?:{'|'.join(COLOURS)}) (?:{'|'.join(CATEGORIES)}))"
    rf"(?: ({'|'.join(PLACES)}))?(?= |$)"
)
RELATION = re.compile(r" with the ([a-z ]+?) (left of|right of|above|below) the ([a-z ]+?)$")


def _is_at(thing: SceneObject, place: str) -> bool:
    """By the pixels seen: most of them, and their mean, lie on that side of the picture."""
    rows, columns = np.nonzero(thing.mask)
    for values, side in zip((columns, rows), PLACES[place], strict=True):
        off = values.mean() + 0.5 - 64
        if side == 0 and abs(off) > 12:
            return False
        if side and (side * off < 10 or (side * (values - 63.5) > 0).mean() <= 0.5):
            return False
    return True


def test_everything_that_a_full_caption_says_is_true(scenes: list[Scene]):
    places, relations, longest = Counter(), 0, 0
    for scene in scenes:
        texts = full_captions(scene, 3)
        assert texts == full_captions(scene, 3)
        for text in texts:
            words = text.split()
            longest = max(longest, len(words))
            assert set(words) <= set(DENSE_WORDS)
            style, background = text.split(" of ")[0], BACKGROUNDS[scene.background].words
            assert style in caption(scene)
            assert text.endswith(" " + background)
            rest = text.removesuffix(" " + background)
            if relation := RELATION.search(rest):
                relations += 1
                names = [relation[1].split(), relation[3].split()]
                found = [[t for t in scene.objects if _fits(t, name)] for name in names]
                assert [len(each) for each in found] == [1, 1], text
                one, other = (each[0] for each in found)
                for middle in (_boxes_middle, _mass_middle):
                    offset = np.subtract(middle(one), middle(other)) @ DIRECTIONS[relation[2]]
                    assert offset > 11, text
                rest = rest[: relation.start()]
            left = list(scene.objects)
            for description, place in THING.findall(rest):
                fitting = [
                    thing
                    for thing in left
                    if _fits(thing, description.split()) and (not place or _is_at(thing, place))
                ]
                assert fitting, text
                left.remove(
                    min(fitting, key=lambda thing: bool(place) and place_of(thing) != place)
                )
                places[place] += 1
            assert left == [], text
    assert set(places) == {*PLACES, ""}
    assert relations > 100
    assert 30 < longest <= DENSE_TOKENS - 2


def test_full_captions_have_words_of_their_own():
    assert set(WORDS) < set(DENSE_WORDS)
    assert "middle" not in WORDS
