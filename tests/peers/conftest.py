"""A CLIPSeg with random weights, small but of the published one's picture size."""

import pytest

LONGEST = 60  # tokens of a phrase, start and end among them


@pytest.fixture(scope="session")
def clipseg_folder(tmp_path_factory):
    """A folder as the hub has it, written by transformers."""
    import torch
    from transformers import (
        CLIPSegConfig,
        CLIPSegForImageSegmentation,
        CLIPTokenizer,
        ViTImageProcessorPil,
    )

    start, end = "<|startoftext|>", "<|endoftext|>"
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [*letters, *(f"{letter}</w>" for letter in letters), start, end]  # the end comes last
    tokenizer = CLIPTokenizer(
        vocab={word: number for number, word in enumerate(words)}, merges=[], model_max_length=77
    )
    small = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
    config = CLIPSegConfig(
        text_config={
            **small,
            "num_hidden_layers": 2,
            "vocab_size": len(words),
            "max_position_embeddings": LONGEST,
            "eos_token_id": words.index(end),
            "bos_token_id": words.index(start),
            "pad_token_id": words.index(end),
        },
        vision_config={**small, "num_hidden_layers": 4, "image_size": 64, "patch_size": 16},
        projection_dim=32,
        extract_layers=[1, 2, 3],
        reduce_dim=16,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=32,
        use_complex_transposed_convolution=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = CLIPSegForImageSegmentation(config)
        for name, parameter in model.named_parameters():  # or every probability is next to 0.5
            if "norm" not in name:
                torch.nn.init.normal_(parameter, std=0.3)
    folder = tmp_path_factory.mktemp("clipseg")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    ViTImageProcessorPil(
        size={"height": 352, "width": 352},
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
        resample=2,
    ).save_pretrained(folder)
    return folder
