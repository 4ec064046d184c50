"""The drawn world: endless labelled pictures of 128 x 128 pixels in six styles."""

from ldznet.data.shapes.categories import CATEGORIES
from ldznet.data.shapes.dataset import SPLITS, TRAIN_START, Shapes
from ldznet.data.shapes.language import (
    DENSE_TOKENS,
    DENSE_WORDS,
    WORDS,
    ScenePhrase,
    absent_phrases,
    caption,
    full_captions,
    phrases,
)
from ldznet.data.shapes.novelty import (
    NOVEL_CATEGORY,
    NOVEL_PAIRS,
    is_novel,
    names_novelty,
    shows_novelty,
)
from ldznet.data.shapes.palette import COLOURS
from ldznet.data.shapes.scene import DIFFICULTIES, SIZES, Scene, SceneObject, draw_scene
from ldznet.data.shapes.styles import STYLES

__all__ = [
    "CATEGORIES",
    "COLOURS",
    "DENSE_TOKENS",
    "DENSE_WORDS",
    "DIFFICULTIES",
    "NOVEL_CATEGORY",
    "NOVEL_PAIRS",
    "SIZES",
    "SPLITS",
    "STYLES",
    "TRAIN_START",
    "WORDS",
    "Scene",
    "SceneObject",
    "ScenePhrase",
    "Shapes",
    "absent_phrases",
    "caption",
    "draw_scene",
    "full_captions",
    "is_novel",
    "names_novelty",
    "phrases",
    "shows_novelty",
]
