"""The things a prompt names, on sentences read by people and on captions whose truth is known."""

import pytest

from ldznet.data.shapes import caption, draw_scene
from ldznet.data.shapes.language import plural
from ldznet.phrases import noun_phrases, words

PROMPTS = {
    "a photo of a red ball left of two blue stars on grass": "red ball, blue stars, grass",
    "a flat drawing of a small cyan umbrella and two large red boxes on a plain background": (
        "small cyan umbrella, large red boxes, plain background"
    ),
    "pixel art of a fish above an orange cup in the sky": "fish, orange cup, sky",
    "a neon sign of a house at night": "house, night",
    "a black and white photo of an old man sitting on a bench": "old man, bench",
    "An astronaut riding a horse on Mars": "astronaut, horse, Mars",
    "a tall building in front of the Eiffel Tower": "tall building, Eiffel Tower",
    "a slice of cake next to a cup of coffee": "slice, cake, cup, coffee",
    "a dog chasing a cat to the left of the king's wedding ring": "dog, cat, king's wedding ring",
    "a dog running.": "dog",
    "A Ball, a ball; (the ball:1.2) and another BALL": "Ball",
    "two well-worn shoes": "well-worn shoes",
    "ein Hund": "ein Hund",
    "a \u201cred ball\u201d\u2014two boats\u200b and the king\u2019s ring": (
        "red ball, boats, king's ring"
    ),
    "": "",
    "  ... of the and, 8k": "",
}


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_things_people_would_name(prompt):
    assert ", ".join(noun_phrases(prompt)) == PROMPTS[prompt]


def test_words_are_those_of_the_phrases_each_once():
    assert words("a red ball and a Red star on two boxes") == ("red", "ball", "star", "boxes")
    assert words("") == ()


@pytest.mark.parametrize("difficulty", ["single", "pair", "full"])
def test_every_object_of_a_caption_is_found_and_nothing_but_places_besides(difficulty):
    for number in range(60):
        scene = draw_scene(number, difficulty=difficulty)
        found = noun_phrases(caption(scene))
        # "small red ball", "red balls": the colour and the noun are always said.
        things = {f"{thing.colour} {thing.category}" for thing in scene.objects}
        things |= {f"{thing.colour} {plural(thing.category)}" for thing in scene.objects}
        named = [phrase for phrase in found if " ".join(phrase.split()[-2:]) in things]
        kinds = {(thing.size, thing.colour, thing.category) for thing in scene.objects}
        assert len({kind[1:] for kind in kinds}) <= len(named) <= len(kinds)
        assert len(found) - len(named) <= 1  # where it all lies
