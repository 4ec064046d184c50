"""The frozen backbone: VAE, U-Net, text encoder and noise schedule of a latent diffusion model."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from ldznet.backbone.patches import PatchAutoencoder
from ldznet.backbone.recording import record, stop_after
from ldznet.blocks import UNET_STRIDE, find_block
from ldznet.checkpoints.parts import load_parts
from ldznet.checkpoints.precision import choose_device
from ldznet.phrases import clean_text, strip_punctuation
from ldznet.types import AttentionKind, Reading, Recording

FEATURE_TIMESTEP = 400  # inside the paper's best range, 300-500 (section 4.2, Fig. 4)
MAX_SEED = 2**63 - 1
SHOWN_WORDS = 12  # of those that would be cut, all are named; of more, the first and the last


class LatentDiffusion:
    """A latent diffusion model of Stable Diffusion's topology (1.x, 2.x), frozen, evaluating.

    Pixels are (B, 3, H, W) in [-1, 1], H and W multiples of `multiple`. Latents are
    (B, 4, H / factor, W / factor), scaled to about unit deviation. Whatever runs a model raises
    ValueError for an answer that is no number (see `check_numbers`).
    """

    def __init__(
        self,
        vae: Any,
        unet: Any,
        text_encoder: Any,
        tokenizer: Any,
        scheduler: Any,
        *,
        name: str = "backbone",
        remarks: Sequence[str] = (),
    ) -> None:
        """Join diffusers' and transformers' parts; the three models are frozen in place.

        `name` is what messages call the model; `remarks` are what its reader had to say of it.
        """
        self.vae = vae.requires_grad_(False).eval()
        self.unet = unet.requires_grad_(False).eval()
        self.text_encoder = text_encoder.requires_grad_(False).eval()
        self.tokenizer = tokenizer
        self.scheduler = scheduler
        self.name = name
        self.remarks = tuple(remarks)

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
    def text_length(self) -> int:
        """Tokens that a prompt may have, start and end included.

        The text encoder's positions, or fewer where the tokenizer names a length; many name none,
        which transformers reads as 1e30.
        """
        positions = self.text_encoder.config.max_position_embeddings
        return min(positions, self.tokenizer.model_max_length)

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

    def check_numbers(self, *tensors: Tensor) -> None:
        """Raises ValueError as the function of this name does, naming the backbone."""
        check_numbers(self.name, self.dtype, *tensors)

    @torch.no_grad()
    def encode_image(self, pixels: Tensor) -> Tensor:
        """Latents of images: the posterior's mode, so the same image has the same latents."""
        pixels = pixels.to(self.device, self.dtype)
        latents = self.vae.encode(pixels).latent_dist.mode() * self.vae.config.scaling_factor
        self.check_numbers(latents)
        return latents

    @torch.no_grad()
    def encode_posterior(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the latents that the autoencoder holds possible.

        The mean is the mode, so it is what `encode_image` returns.
        """
        posterior = self.vae.encode(pixels.to(self.device, self.dtype)).latent_dist
        scale = self.vae.config.scaling_factor
        mean, deviation = posterior.mean * scale, posterior.std * scale
        self.check_numbers(mean, deviation)
        return mean, deviation

    @torch.no_grad()
    def decode_latents(self, latents: Tensor) -> Tensor:
        """Images (B, 3, H, W) in [-1, 1] of latents."""
        pixels = self.vae.decode(latents / self.vae.config.scaling_factor).sample
        self.check_numbers(pixels)
        return pixels.clamp(-1, 1)

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
        states = states.to(self.dtype)
        self.check_numbers(states)
        return states

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
        self.check_numbers(output)
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
    def read(
        self,
        latents: Tensor,
        text: Tensor,
        reading: Reading | Iterable[Reading],
        *,
        timestep: int,
        noise: Tensor | None = None,
    ) -> Recording:
        """What the U-Net's blocks show while it takes a denoising step, by timestep and block.

        - `latents`: (B or 1, 4, h, w), scaled; clean if there is `noise`, else as the U-Net is to
          see them
        - `text`: (B, tokens, D), of `encode_text`
        - `reading`: what to keep, or several; those that name the same timestep share a pass, which
          ends after the last block needed
        - `timestep`: of the features and states, and of attention whose reading names no other
        - `noise`: (B or 1, 4, h, w) standard normal, mixed into the latents at each timestep

        Raises ValueError for a timestep that the noise schedule does not have, a block that is not
        1-16, or one without an attention asked for.
        """
        passes: defaultdict[int, list[Reading]] = defaultdict(list)
        for each in [reading] if isinstance(reading, Reading) else reading:
            if each.features or each.states:
                passes[timestep].append(replace(each, attention=()))
            if each.attention:
                for when in each.timesteps or (timestep,):
                    passes[when].append(replace(each, features=(), states=()))
        latents = latents.expand(len(text), -1, -1, -1)
        whole = Recording()
        for when, readings in passes.items():
            self.check_timestep(when)
            blocks: dict[str, list[int]] = {
                what: _union(getattr(each, what) for each in readings)
                for what in ("features", "attention", "states")
            }
            kinds: list[AttentionKind] = _union(each.kinds for each in readings if each.attention)
            last = find_block(self.unet, max(number for part in blocks.values() for number in part))
            with record(self.unet, kinds=kinds, **blocks) as recording, stop_after(last):
                noisy = latents if noise is None else self.add_noise(latents, when, noise)
                self.unet(noisy, when, text)
            for number in blocks["features"]:
                whole.features[when, number] = recording.features[when, number]
            whole.attention.update(recording.attention)
            whole.states.update(recording.states)
        self.check_numbers(
            *whole.features.values(), *whole.attention.values(), *whole.states.values()
        )
        return whole

    def phrase_tokens(self, texts: Sequence[str], spans: Sequence[tuple[int, int]]) -> Tensor:
        """(B, tokens) bool: the tokens of each text that spell its phrase.

        A span is where the phrase stands in its text, from its first character to before the one
        behind its last.
        """
        length = self.text_encoder.config.max_position_embeddings
        rows = torch.zeros(len(texts), length, dtype=torch.bool)
        for row, text, (start, stop) in zip(rows, texts, spans, strict=True):
            offsets = self.tokenizer(text, return_offsets_mapping=True).offset_mapping
            for token, (first, last) in enumerate(offsets):
                row[token] = start <= first < last <= stop
        return rows.to(self.device)

    def unknown_words(self, phrase: str) -> tuple[str, ...]:
        """Words of a phrase that the backbone was never taught, in order.

        Pocket's tokenizer lists the words it was built for (`known_words` in its configuration).
        CLIP's own has no such list: it spells any word from pieces, so none counts as unknown.
        """
        known = self.tokenizer.init_kwargs.get("known_words")
        if known is None:
            return ()
        backend = self.tokenizer.backend_tokenizer
        normal = backend.normalizer.normalize_str(clean_text(phrase))
        pieces = backend.pre_tokenizer.pre_tokenize_str(normal)
        words = (strip_punctuation(normal[start:end]) for _, (start, end) in pieces)
        return tuple(dict.fromkeys(word for word in words if word and word not in known))


def check_numbers(name: str, dtype: torch.dtype, *tensors: Tensor) -> None:
    """Raises ValueError if what a model of this name and precision answers is not all numbers.

    Damaged weights spread NaN through every layer, and in half precision large values overflow, so
    it is enough to look at results.
    """
    # One answer for all, as on a GPU every one is waited for.
    if not tensors or bool(torch.stack([each.isfinite().all() for each in tensors]).all()):
        return
    remedy = "copy or download the model again, or choose another"
    if dtype != torch.float32:
        short = str(dtype).removeprefix("torch.")
        remedy = f"load it in float32 in place of {short}, or {remedy}"
    raise ValueError(
        f"The answer of '{name}' is no number (NaN or infinity): its weights are damaged, or too "
        f"large for its precision; {remedy}."
    )


def check_seed(seed: int) -> None:
    """Raises ValueError for a seed that noise cannot be drawn from."""
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"The seed must be from 0 to {MAX_SEED}; got {seed}.")


def check_length(tokenizer: Any, text: str, limit: int, what: str) -> None:
    """Raises ValueError if a text has more tokens than `limit`, naming the words beyond it.

    Start and end token count. `what` the text is opens the message: "The prompt".
    """
    starts = tokenizer(text, return_offsets_mapping=True).offset_mapping
    if len(starts) <= limit:
        return
    first_cut = starts[limit - 1][0]  # the last token that fits marks the end
    cut = [word.group() for word in re.finditer(r"\S+", text) if word.end() > first_cut]
    if len(cut) > SHOWN_WORDS:
        cut_words = f"{' '.join(cut[: SHOWN_WORDS // 2])} … {' '.join(cut[-SHOWN_WORDS // 2 :])}"
    else:
        cut_words = " ".join(cut)
    last = f"last {len(cut)} words" if len(cut) > 1 else "last word"
    raise ValueError(
        f"{what} is too long: the text encoder reads {limit - 2} of its {len(starts) - 2} tokens, "
        f"which would cut the {last}, '{cut_words[:200]}'; shorten it."
    )


def _union(parts: Iterable[Iterable]) -> list:
    """Every item once, in the order of first appearance."""
    return list(dict.fromkeys(item for part in parts for item in part))
