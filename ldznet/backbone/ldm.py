"""The frozen backbone: VAE, U-Net, text encoder and noise schedule of a latent diffusion model."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from string import punctuation
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from ldznet.backbone.patches import PatchAutoencoder
from ldznet.backbone.recording import record, stop_after
from ldznet.backbone.text_limit import check_length
from ldznet.blocks import FUSION_BLOCKS, UNET_STRIDE, find_block
from ldznet.checkpoints.parts import load_parts
from ldznet.checkpoints.precision import choose_device
from ldznet.types import Encoding

FEATURE_TIMESTEP = 400  # inside the paper's best range, 300-500 (section 4.2, Fig. 4)
MAX_SEED = 2**63 - 1


class LatentDiffusion:
    """A latent diffusion model of Stable Diffusion's topology (1.x, 2.x), frozen, evaluating.

    Pixels are (B, 3, H, W) in [-1, 1], H and W multiples of `multiple`. Latents are
    (B, 4, H / factor, W / factor), scaled to about unit deviation.
    """

    def __init__(
        self,
        vae: Any,
        unet: Any,
        text_encoder: Any,
        tokenizer: Any,
        scheduler: Any,
    ) -> None:
        """Join diffusers' and transformers' parts; the three models are frozen in place."""
        self.vae = vae.requires_grad_(False).eval()
        self.unet = unet.requires_grad_(False).eval()
        self.text_encoder = text_encoder.requires_grad_(False).eval()
        self.tokenizer = tokenizer
        self.scheduler = scheduler

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        revision: str | None = None,
        device: str | torch.device = "cpu",
        precision: str = "float32",
    ) -> "LatentDiffusion":
        """The model that `source` names, on a device and in a precision (see `precision`).

        `source` is a folder of diffusers' layout, a checkpoint in the official layout
        (.safetensors), or a model on the Hugging Face hub ("owner/name", or
        "owner/name@revision"); known models come in a pinned revision. Reads safetensors only.

        Raises ValueError in one sentence that says what is wrong and what to do (see `parts`),
        and for a device or precision that there is not.
        """
        place = choose_device(device)
        autoencoders = {each.__name__: each for each in (AutoencoderKL, PatchAutoencoder)}
        return cls(
            **load_parts(
                source,
                revision=revision,
                device=place,
                precision=precision,
                autoencoders=autoencoders,
            )
        )

    @property
    def device(self) -> torch.device:
        return next(self.unet.parameters()).device  # diffusers' own property walks all modules

    @property
    def dtype(self) -> torch.dtype:
        return next(self.unet.parameters()).dtype

    @property
    def factor(self) -> int:
        """Pixels per latent cell, along each side."""
        levels = len(self.vae.config.get("block_out_channels", ()))
        return getattr(self.vae, "factor", None) or 2 ** (levels - 1)

    @property
    def multiple(self) -> int:
        """Sides of an image must be multiples of this, in pixels."""
        return self.factor * UNET_STRIDE

    @property
    def native_size(self) -> int:
        """Side of the square images the model was trained on, in pixels."""
        return self.unet.config.sample_size * self.factor

    @torch.no_grad()
    def encode_image(self, pixels: Tensor) -> Tensor:
        """Latents of images: the posterior's mode, so the same image has the same latents."""
        pixels = pixels.to(self.device, self.dtype)
        return self.vae.encode(pixels).latent_dist.mode() * self.vae.config.scaling_factor

    @torch.no_grad()
    def encode_posterior(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the latents that the autoencoder holds possible.

        The mean is the mode, so it is what `encode_image` returns.
        """
        posterior = self.vae.encode(pixels.to(self.device, self.dtype)).latent_dist
        scale = self.vae.config.scaling_factor
        return posterior.mean * scale, posterior.std * scale

    @torch.no_grad()
    def decode_latents(self, latents: Tensor) -> Tensor:
        """Images (B, 3, H, W) in [-1, 1] of latents."""
        return self.vae.decode(latents / self.vae.config.scaling_factor).sample.clamp(-1, 1)

    @torch.no_grad()
    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """(B, tokens, D) last hidden state of each text, padded to the encoder's length.

        Raises ValueError for a text with more tokens than fit: cutting it would segment another
        phrase than the one asked for.
        """
        limit = self.text_encoder.config.max_position_embeddings
        ids = self.tokenizer(list(texts), padding="max_length", max_length=limit).input_ids
        for text, row in zip(texts, ids, strict=True):
            if len(row) > limit:  # raises, having read the text again to say where it would be cut
                check_length(self.tokenizer, text, limit, f"'{text[:40]}…'")
        states = self.text_encoder(torch.tensor(ids, device=self.device)).last_hidden_state
        return states.to(self.dtype)

    def draw_noise(self, shape: Sequence[int], seed: int) -> Tensor:
        """Standard normal noise, the same on every device for the same seed.

        Drawn in float32 and then rounded, so that every precision starts from the same noise.
        """
        generator = torch.Generator("cpu").manual_seed(seed)
        return torch.randn(tuple(shape), generator=generator).to(self.device, self.dtype)

    def add_noise(self, latents: Tensor, timestep: int, noise: Tensor) -> Tensor:
        """Latents as the forward diffusion leaves them at a timestep (0: almost clean).

        Mixed in float32 at least: the schedule's shares near 0 and 1 do not survive half precision.
        """
        self.check_timestep(timestep)
        exact = torch.promote_types(latents.dtype, torch.float32)
        noisy = self.scheduler.add_noise(
            latents.to(exact), noise.to(exact), torch.tensor([timestep])
        )
        return noisy.to(latents.dtype)

    @torch.no_grad()
    def estimate_noise(self, noisy_latents: Tensor, text: Tensor, timestep: int) -> Tensor:
        """(B, 4, h, w) float32: the noise that the model believes is in the latents.

        Whatever it was trained to predict: the noise, the clean latents ("sample"), or the velocity
        v = alpha noise - sigma latents (Salimans & Ho, 2022), as Stable Diffusion 2.1 does.
        Latents and text have the same batch.
        """
        output = self.unet(noisy_latents, timestep, text).sample.float()
        kind = self.scheduler.config.prediction_type
        if kind == "epsilon":
            return output
        kept = self.scheduler.alphas_cumprod[timestep]
        alpha, sigma = float(kept.sqrt()), float((1 - kept).sqrt())
        noisy = noisy_latents.float()
        if kind == "sample":
            return (noisy - alpha * output) / sigma
        return alpha * output + sigma * noisy

    def check_timestep(self, timestep: int) -> None:
        """Raises ValueError for a timestep the noise schedule does not have."""
        steps = self.scheduler.config.num_train_timesteps
        if not 0 <= timestep < steps:
            raise ValueError(f"The timestep must be from 0 to {steps - 1}; got {timestep}.")

    @torch.no_grad()
    def features(
        self,
        noisy_latents: Tensor,
        text: Tensor,
        timestep: int,
        blocks: Sequence[int] = FUSION_BLOCKS,
    ) -> dict[int, Tensor]:
        """Output of each block (1-16) of one denoising step, block -> (B, C, h, w).

        The U-Net stops after the last block asked for. Latents and text have the same batch.
        """
        if not blocks:
            return {}
        last = find_block(self.unet, max(blocks))
        with record(self.unet, features=blocks) as recording, stop_after(last):
            self.unet(noisy_latents, timestep, text)
        return {block: recording.features[timestep, block] for block in blocks}

    def encode(
        self,
        pixels: Tensor,
        phrases: Sequence[str],
        *,
        features: bool,
        timestep: int = FEATURE_TIMESTEP,
        seed: int = 0,
    ) -> Encoding:
        """One image (1, 3, H, W) and its phrases, a row per phrase; the image is encoded once."""
        text = self.encode_text(phrases)  # (B, tokens, D)
        latents = self.encode_image(pixels)  # (1, 4, H/f, W/f)
        rows = len(phrases)
        encoding = Encoding(
            pixels=pixels.to(self.device, self.dtype).expand(rows, -1, -1, -1),
            latents=latents.expand(rows, -1, -1, -1),
            text=text,
        )
        return self.with_features(encoding, timestep=timestep, seed=seed) if features else encoding

    def with_features(
        self, encoding: Encoding, *, timestep: int = FEATURE_TIMESTEP, seed: int = 0
    ) -> Encoding:
        """The same encoding with the features LD-ZNet reads; every row gets the same noise."""
        noise = self.draw_noise(encoding.latents[:1].shape, seed).expand_as(encoding.latents)
        noisy = self.add_noise(encoding.latents, timestep, noise)
        return replace(encoding, features=self.features(noisy, encoding.text, timestep))

    def unknown_words(self, phrase: str) -> tuple[str, ...]:
        """Words of a phrase that the backbone was never taught, in order.

        Pocket's tokenizer lists the words it was built for (`known_words` in its configuration).
        CLIP's own has no such list: it spells any word from pieces, so none counts as unknown.
        """
        known = self.tokenizer.init_kwargs.get("known_words")
        if known is None:
            return ()
        backend = self.tokenizer.backend_tokenizer
        normal = backend.normalizer.normalize_str(phrase)
        pieces = backend.pre_tokenizer.pre_tokenize_str(normal)
        words = (normal[start:end].strip(punctuation) for _, (start, end) in pieces)
        return tuple(dict.fromkeys(word for word in words if word and word not in known))


def check_seed(seed: int) -> None:
    """Raises ValueError for a seed that noise cannot be drawn from."""
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"The seed must be from 0 to {MAX_SEED}; got {seed}.")
