"""From picture to mask in six steps: picture, latents, noised latents, features, fusion, mask."""

from dataclasses import dataclass

import numpy as np
import torch

from ldznet.backbone.ldm import FEATURE_TIMESTEP
from ldznet.blocks import BLOCKS, FUSION_BLOCKS
from ldznet.inspection.features import FeatureStrip, colours_of_blocks
from ldznet.inspection.network import NetworkPass, run_network
from ldznet.inspection.subject import (
    LatentView,
    Subject,
    check_phrase,
    inspect_latent,
    noisy_latents,
)
from ldznet.inspection.unet import run_unet
from ldznet.phrases import apply_template
from ldznet.pipeline import Segmenter


@dataclass(frozen=True)
class Lesson:
    """What one picture and phrase become on their way to a mask, step by step."""

    phrase: str
    timestep: int
    seed: int
    subject: Subject  # 1: the picture
    latent: LatentView  # 2: its latents, and what they bring back
    noisy: np.ndarray  # 3: (4, h, w) float32, the latents as the diffusion model gets them
    strip: FeatureStrip  # 4: what its sixteen blocks make of them; LD-ZNet reads 6 to 10
    network: NetworkPass  # 5 and 6: what LD-ZNet reads for each point, and its probabilities


@torch.no_grad()
def run_lesson(
    segmenter: Segmenter,
    subject: Subject,
    phrase: str,
    *,
    timestep: int = FEATURE_TIMESTEP,
    seed: int = 0,
) -> Lesson:
    """All six steps with one pass of the diffusion model, one of LD-ZNet and one decoding.

    `fusion_point_of(lesson.network, ...)` then shows step 5 for any point. Errors as `run_unet` and
    `run_network`.
    """
    phrase = check_phrase(phrase)
    backbone = segmenter.backbone
    (text,) = apply_template(segmenter.template, [phrase])  # what the network's features follow
    unet_pass = run_unet(backbone, subject, text, timestep=timestep, seed=seed, features=BLOCKS)
    network = run_network(
        segmenter,
        subject,
        phrase,
        timestep=timestep,
        seed=seed,
        features={
            block: torch.from_numpy(unet_pass.features[block])[None] for block in FUSION_BLOCKS
        },
    )
    return Lesson(
        phrase=phrase,
        timestep=timestep,
        seed=seed,
        subject=subject,
        latent=inspect_latent(backbone, subject),
        noisy=noisy_latents(backbone, subject, timestep, seed)[0].float().cpu().numpy(),
        strip=colours_of_blocks(unet_pass),
        network=network,
    )
