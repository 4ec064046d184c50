import pytest
import torch
from transformers import CLIPTokenizer

from ldznet.backbone.pocket import (
    COARSE,
    FINE,
    build_autoencoder,
    build_pocket,
    build_tokenizer,
)
from ldznet.blocks import BLOCKS, find_block

WORDS = ("a", "red", "car", "cars", "left", "of", "the", "star", "umbrella", "umbrellas")


def test_every_known_word_is_one_token_and_survives_the_disk(tmp_path):
    tokenizer = build_tokenizer(WORDS)
    tokenizer.save_pretrained(tmp_path)
    for read in (tokenizer, CLIPTokenizer.from_pretrained(tmp_path)):
        phrase = "The red cars left of a star"
        assert read.tokenize(phrase) == [f"{word}</w>" for word in phrase.lower().split()]
        ids = read(phrase, padding="max_length").input_ids
        assert len(ids) == read.model_max_length == 32
        assert read.decode(ids, skip_special_tokens=True) == phrase.lower()


def test_unknown_text_falls_into_pieces_without_unknown_tokens():
    tokenizer = build_tokenizer(WORDS)
    for text in ("zebra", "Zürich", "日本", "a1!"):
        ids = tokenizer(text).input_ids
        assert tokenizer.eos_token_id not in ids[1:-1]
        assert len(tokenizer.tokenize(text)) > 1


@pytest.mark.parametrize(("size", "folded_shape"), [(COARSE, (48, 16, 24)), (FINE, (12, 32, 48))])
def test_the_patch_autoencoder_folds_pixels_and_unfolds_them(size, folded_shape):
    vae = build_autoencoder(size)
    pixels = torch.rand(1, 3, 64, 96) * 2 - 1
    latents = vae.encode(pixels).latent_dist.mode()
    assert latents.shape == (1, 4, 64 // vae.factor, 96 // vae.factor)
    assert vae.decode(latents).sample.shape == pixels.shape
    assert vae.decode(latents, return_dict=False)[0].shape == pixels.shape
    # With the network itself taken out, folding and unfolding give the pixels back.
    vae.encoder = vae.decoder = vae.quant_conv = vae.post_quant_conv = torch.nn.Identity()
    folded = vae._encode(pixels)
    assert folded.shape == (1, *folded_shape)
    assert torch.equal(vae._decode(folded).sample, pixels)


def test_pocket_has_the_blocks_of_stable_diffusion_and_its_seed():
    first, second, other = (build_pocket(WORDS, seed=seed) for seed in (0, 0, 1))
    for number in BLOCKS:
        find_block(first.unet, number)
    assert first.factor == 4
    assert first.native_size == 128
    weights = [backbone.unet.conv_in.weight for backbone in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
