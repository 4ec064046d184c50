from ldznet.data.shapes import names_novelty
from ldznet.experiments.study.sets import KINDS, absent_set, drawn_set, novel_set


def test_drawn_sets_hold_familiar_phrases_of_every_kind_and_the_same_scenes_in_every_style():
    photo, neon = drawn_set("photo", 40), drawn_set("neon", 40)
    assert {sample.kind for sample in photo} == set(KINDS)
    assert not any(names_novelty(sample.phrase) for sample in photo)
    assert [sample.phrase for sample in photo] == [sample.phrase for sample in neon]
    assert all(sample.mask.any() for sample in photo)


def test_novel_sets_name_only_what_no_mask_showed():
    samples = novel_set(40)
    assert {sample.kind for sample in samples} == {"novel category", "novel pair"}
    assert all(names_novelty(sample.phrase) and sample.mask.any() for sample in samples)


def test_absent_sets_have_empty_masks_and_nothing_novel():
    samples = absent_set("photo", 20)
    assert len(samples) == 20
    assert not any(sample.mask.any() or names_novelty(sample.phrase) for sample in samples)
