"""The plain way: everything anew for every phrase, in the official order of work."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ldznet.backbone import LatentDiffusion, record
from ldznet.blocks import FUSION_BLOCKS
from ldznet.types import Encoding


@torch.no_grad()
def compare_plainly(
    backbone: LatentDiffusion,
    networks: Mapping[str, Any],
    image: np.ndarray,
    texts: Sequence[str],
    *,
    seed: int = 0,
    timestep: int = 400,
) -> dict[str, np.ndarray]:
    """The probabilities (P, H, W) per network that `Segmenter.compare` finds, as a script would.

    `image` is (H, W, 3) uint8 of native size; `texts` are the phrases as worded for the encoder.
    Every network and every phrase starts again from the image with the libraries' own calls: VAE,
    text encoder, the diffusion model's whole step although only its middle is read, network.
    """
    probabilities = {}
    for name, network in networks.items():
        rows = []
        for text in texts:
            pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 127.5 - 1
            pixels = pixels.to(backbone.device, backbone.dtype)
            latents = backbone.vae.encode(pixels).latent_dist.mode()
            latents = latents * backbone.vae.config.scaling_factor
            limit = backbone.text_encoder.config.max_position_embeddings
            tokens = backbone.tokenizer(
                text, padding="max_length", max_length=limit, return_tensors="pt"
            )
            encoded = backbone.text_encoder(tokens.input_ids.to(backbone.device))[0]
            features = {}
            if network.reading:
                noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed))
                noisy = backbone.scheduler.add_noise(
                    latents, noise.to(latents), torch.tensor([timestep])
                )
                with record(backbone.unet, features=FUSION_BLOCKS) as recording:
                    backbone.unet(noisy, timestep, encoded)
                features = {block: recording.features[timestep, block] for block in FUSION_BLOCKS}
            logits = network(Encoding(pixels, latents, encoded, features))  # (1, 1, H, W)
            rows.append(logits[0, 0].sigmoid().float().cpu().numpy())
        probabilities[name] = np.stack(rows)
    return probabilities
