"""A look inside: what the diffusion model and LD-ZNet do with a picture, as arrays.

Every view has a function that starts from a `Subject`. Where several views are wanted, `run_unet`
and `run_network` make one pass, and the `..._of` functions read views from it without another.
"""

from ldznet.inspection.features import (
    DEFAULT_FEATURE_BLOCK,
    TIMESTEPS,
    FeatureStrip,
    colours_of_blocks,
    features_over_blocks,
    features_over_timesteps,
)
from ldznet.inspection.lesson import Lesson, run_lesson
from ldznet.inspection.network import (
    DEFAULT_FUSION_BLOCK,
    NETWORK,
    NetworkPass,
    fusion_point,
    fusion_point_of,
    run_network,
)
from ldznet.inspection.subject import (
    LatentView,
    Subject,
    inspect_latent,
    noisy_latents,
    subject_of_generation,
    subject_of_image,
    to_image,
)
from ldznet.inspection.unet import (
    DEFAULT_BLOCKS,
    DEFAULT_POINT_BLOCK,
    DEFAULT_TIMESTEP,
    PointMap,
    UNetPass,
    WordMaps,
    attention_words,
    point_of,
    run_unet,
    self_attention_point,
    text_change,
    words_of,
)

__all__ = [
    "DEFAULT_BLOCKS",
    "DEFAULT_FEATURE_BLOCK",
    "DEFAULT_FUSION_BLOCK",
    "DEFAULT_POINT_BLOCK",
    "DEFAULT_TIMESTEP",
    "NETWORK",
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
