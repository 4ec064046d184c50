"""Prompts to begin with, each with a seed whose picture shows what the miniature can do."""

from ldznet.ui.generate.request import Request

EXAMPLE_PROMPTS = (
    Request("a photo of a red ball on grass", seed=6),
    Request("a photo of a large yellow star and a blue house", seed=7),
    Request("a watercolour of an orange tree", seed=2),
    Request("a neon sign of a green fish", seed=3),
)
