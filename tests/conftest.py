"""What many tests share: a random backbone small enough for milliseconds, networks on it, pocket.

Nothing here reads the network: a test that asks the Hugging Face hub fails at once.
"""

import os

# Tiny tensors gain nothing from threads, and lose tenfold where the machine is busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["DIFFUSERS_VERBOSITY"] = "error"

import pytest

# The random backbone's vocabulary, a token a word.
WORDS = ("a", "all", "and", "ball", "blue", "car", "left", "of", "red", "star", "the", "tree")
WIDTHS = (32, 32, 64, 64)
TEXT_WIDTH = 32
HEADS = 2
GROUPS = 8
LATENT_SIDE = 16  # with a factor of 4: native pictures of 64 pixels


@pytest.fixture(scope="session")
def backbone_folder(tmp_path_factory):
    """A diffusers folder, written by diffusers, of Stable Diffusion 1.x topology and factor 4."""
    import torch
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel

    from ldznet.backbone.pocket import build_tokenizer

    tokenizer = build_tokenizer(WORDS)
    tokenizer.model_max_length = 16
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        vae = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            block_out_channels=(32, 32, 32),
            norm_num_groups=GROUPS,
            scaling_factor=0.5,
            sample_size=64,
        )
        unet = UNet2DConditionModel(
            sample_size=LATENT_SIDE,
            block_out_channels=WIDTHS,
            cross_attention_dim=TEXT_WIDTH,
            attention_head_dim=HEADS,
            norm_num_groups=GROUPS,
        )
        text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=TEXT_WIDTH,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=2,
                max_position_embeddings=16,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    folder = tmp_path_factory.mktemp("backbone")
    StableDiffusionPipeline(
        vae, text_encoder, tokenizer, unet, scheduler, None, None, requires_safety_checker=False
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def backbone(backbone_folder):
    """The random backbone, loaded: factor 4, native 64 pixels, sides multiples of 32."""
    from ldznet.backbone import LatentDiffusion

    return LatentDiffusion.from_pretrained(backbone_folder)


@pytest.fixture(scope="session")
def networks_folder(tmp_path_factory):
    """A folder of the three networks with random weights that fit the random backbone."""
    import torch

    from ldznet.networks import NETWORKS

    folder = tmp_path_factory.mktemp("networks")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for name, build in NETWORKS.items():
            network = build(
                block_out_channels=WIDTHS,
                cross_attention_dim=TEXT_WIDTH,
                attention_head_dim=HEADS,
                norm_num_groups=GROUPS,
                sample_size=LATENT_SIDE,
                factor=4,
            )
            for parameter in network.parameters():
                if not parameter.any():  # such as the fusion, which starts out silent
                    torch.nn.init.normal_(parameter, std=0.1)
            network.save_pretrained(folder / name)
    return folder


@pytest.fixture(scope="session")
def segmenter(backbone_folder, networks_folder):
    """The three random networks on the random backbone."""
    from ldznet.pipeline import Segmenter

    return Segmenter.from_pretrained(backbone_folder, networks=networks_folder)


@pytest.fixture(scope="session")
def pocket():
    """The miniature and the networks shipped with it."""
    from ldznet.pipeline import Segmenter

    return Segmenter.from_pretrained("pocket")


@pytest.fixture(scope="session")
def picture():
    """A seeded picture (48, 80, 3) uint8 of smooth colour with a bright square."""
    import numpy as np

    rows, columns = np.mgrid[0:48, 0:80]
    image = np.stack([rows * 5, columns * 3, 255 - rows * 2], axis=-1).astype(np.uint8)
    image[10:30, 20:40] = (250, 240, 30)
    return image


def features_of(backbone, noisy_latents, text, timestep, blocks=(6, 7, 8, 9, 10)):
    """Block -> (B, C, h, w): the U-Net's features of latents that are noisy already."""
    from ldznet.types import Reading

    reading = Reading(features=tuple(blocks))
    return backbone.read(noisy_latents, text, reading, timestep=timestep).features_at(timestep)
