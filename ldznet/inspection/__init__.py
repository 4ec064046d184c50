"""A look inside: what the diffusion model and LD-ZNet do with a picture, as arrays.

Every view has a function that starts from a `Subject`. Where several views are wanted, `run_unet`
and `run_network` make one pass, and the `..._of` functions read views from it without another.
"""

from ldznet.inspection.defaults import DEFAULT_BLOCKS, DEFAULT_TIMESTEP
from ldznet.inspection.features import (
    DEFAULT_FEATURE_BLOCK,
    TIMESTEPS,
    FeatureStrip,
    colours_of_blocks,
    features_over_blocks,
    features_over_timesteps,
)
from ldznet.inspection.latent import LatentView, inspect_latent
from ldznet.inspection.lesson import Lesson, run_lesson
from ldznet.inspection.network_pass import NetworkPass, run_network
from ldznet.inspection.point import (
    PointMap,
    fusion_point,
    fusion_point_of,
    point_of,
    self_attention_point,
)
from ldznet.inspection.subject import (
    Subject,
    noisy_latents,
    subject_of_generation,
    subject_of_image,
    to_image,
)
from ldznet.inspection.text_change import text_change
from ldznet.inspection.unet_pass import UNetPass, run_unet
from ldznet.inspection.words import WordMaps, attention_words, words_of

__all__ = [
    "DEFAULT_BLOCKS",
    "DEFAULT_FEATURE_BLOCK",
    "DEFAULT_TIMESTEP",
    "TIMESTEPS",
    "FeatureStrip",
    "LatentView",
    "Lesson",
    "NetworkPass",
    "PointMap",
    "Subject",
    "UNetPass",
    "WordMaps",
    "attention_words",
    "colours_of_blocks",
    "features_over_blocks",
    "features_over_timesteps",
    "fusion_point",
    "fusion_point_of",
    "inspect_latent",
    "noisy_latents",
    "point_of",
    "run_lesson",
    "run_network",
    "run_unet",
    "self_attention_point",
    "subject_of_generation",
    "subject_of_image",
    "text_change",
    "to_image",
    "words_of",
]
