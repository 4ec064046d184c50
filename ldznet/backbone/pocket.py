"""Pocket: a miniature with the topology of Stable Diffusion 1.x, for 128x128 drawn scenes.

Same parts, same sixteen attention blocks, same layout on disk; only widths and vocabulary shrink.
It is trained at one size and grown to another (see `training.growing`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from tokenizers import Tokenizer as RawTokenizer
from tokenizers import models, pre_tokenizers, trainers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from ldznet.backbone.ldm import LatentDiffusion
from ldznet.backbone.patches import PatchAutoencoder
from ldznet.checkpoints.schedule import build_scheduler

PIXELS = 128  # side of a scene
TEXT_TOKENS = 32  # start token, at most 30 words, end token
TEXT_WIDTH = 128


@dataclass(frozen=True)
class Size:
    """How fine pocket's latents are, and how wide its U-Net."""

    patch: int  # side in pixels of what is folded into channels before the first convolution
    channels: tuple[int, int, int, int]  # of the U-Net's levels
    heads: tuple[int, int, int, int]
    text_tokens: int = TEXT_TOKENS  # that the text encoder reads

    @property
    def cells(self) -> int:
        """Latent cells along the side of a scene; the autoencoder halves its patches once."""
        return PIXELS // self.patch // 2


COARSE = Size(patch=4, channels=(32, 64, 128, 128), heads=(1, 2, 4, 4))
FINE = Size(patch=2, channels=(16, 32, 64, 128), heads=(1, 1, 2, 4))


def build_autoencoder(size: Size = FINE) -> PatchAutoencoder:
    """The miniature's first stage, weights random: (B, 3, 128, 128) <-> (B, 4, cells, cells)."""
    return PatchAutoencoder(
        in_channels=3 * size.patch**2,
        out_channels=3 * size.patch**2,
        block_out_channels=(48, 96),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=1,
        norm_num_groups=8,
        latent_channels=4,
        mid_block_add_attention=False,
        sample_size=PIXELS // size.patch,
        scaling_factor=1.0,
    )


def build_unet(size: Size = FINE) -> UNet2DConditionModel:
    """The miniature's U-Net with random weights; heads are 32 wide at most, for speed on a CPU."""
    return UNet2DConditionModel(
        sample_size=size.cells,
        in_channels=4,
        out_channels=4,
        layers_per_block=2,
        block_out_channels=size.channels,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=size.heads,  # diffusers reads this as the number of heads per level
        norm_num_groups=8,
    )


def build_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """The miniature's text encoder with random weights: (B, T) token ids -> (B, T, 128)."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            projection_dim=TEXT_WIDTH,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=tokenizer.model_max_length,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def build_tokenizer(words: Sequence[str], length: int = TEXT_TOKENS) -> CLIPTokenizer:
    """A CLIP tokenizer in which each given word is one token; any other text falls into pieces."""
    raw = RawTokenizer(models.BPE(end_of_word_suffix="</w>"))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=100_000,  # never reached: training ends when every word is whole
        min_frequency=1,
        end_of_word_suffix="</w>",
        initial_alphabet=alphabet,
        show_progress=False,
    )
    raw.train_from_iterator([[word] for word in sorted(set(words))], trainer)
    merges = [tuple(pair) for pair in _read_merges(raw)]
    tokens = [*alphabet, *(f"{character}</w>" for character in alphabet)]
    tokens += ["".join(pair) for pair in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    return CLIPTokenizer(
        vocab=vocabulary,
        merges=merges,
        model_max_length=length,
        # Kept in tokenizer_config.json: merges alone do not tell a word from a word's tail.
        known_words=sorted(set(words)),
    )


def _read_merges(raw: RawTokenizer) -> list[list[str]]:
    import json

    merges = json.loads(raw.to_str())["model"]["merges"]
    return [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]


def build_pocket(
    words: Sequence[str],
    size: Size = FINE,
    seed: int = 0,
    scheduler: DDIMScheduler | None = None,
) -> LatentDiffusion:
    """The whole miniature with random weights, its vocabulary being the given words.

    Without a scheduler it has Stable Diffusion 1.x's.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tokenizer = build_tokenizer(words, size.text_tokens)
        return LatentDiffusion(
            vae=build_autoencoder(size),
            unet=build_unet(size),
            text_encoder=build_text_encoder(tokenizer),
            tokenizer=tokenizer,
            scheduler=scheduler or build_scheduler(),
        )
