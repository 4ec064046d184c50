from itertools import islice

from ldznet.data.shapes import (
    CATEGORIES,
    COLOURS,
    NOVEL_CATEGORY,
    NOVEL_PAIRS,
    draw_scene,
    names_novelty,
    phrases,
    shows_novelty,
)


def test_one_category_and_one_colour_of_every_other_are_novel():
    assert sorted([NOVEL_CATEGORY, *(category for _, category in NOVEL_PAIRS)]) == sorted(
        CATEGORIES
    )
    assert {colour for colour, _ in NOVEL_PAIRS} <= set(COLOURS)
    assert len({colour for colour, _ in NOVEL_PAIRS}) == len(COLOURS)  # no colour is favoured


def test_a_phrase_names_novelty_if_it_says_the_category_or_the_pair():
    colour, category = NOVEL_PAIRS[0]
    other = next(each for each in COLOURS if each != colour)
    assert names_novelty(NOVEL_CATEGORY)
    assert names_novelty(f"large {colour} {category} left of the cup")
    assert names_novelty(f"cup above the {colour} {category}")
    assert not names_novelty(f"{other} {category}")
    assert not names_novelty(f"{colour} object")


def test_a_scene_shows_novelty_if_some_phrase_about_it_names_it():
    scenes = [draw_scene(number, "flat") for number in range(120)]
    familiar = [scene for scene in scenes if not shows_novelty(scene)]
    assert 30 < len(familiar) < 115
    for scene in familiar:
        assert not any(names_novelty(phrase.text) for phrase in phrases(scene))
    for scene in islice((scene for scene in scenes if shows_novelty(scene)), 20):
        named = {(thing.colour, thing.category) for thing in scene.objects}
        assert any(names_novelty(f"{colour} {category}") for colour, category in named)
