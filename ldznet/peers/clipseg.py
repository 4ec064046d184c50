"""CLIPSeg (Lüddecke & Ecker, CVPR 2022, arXiv 2112.10003): CLIP encodings, the paper's rival."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from ldznet.checkpoints.hub import find_folder

HUB_ID = "CIDAS/clipseg-rd64-refined"
FILES = ("*.json", "merges.txt", "model.safetensors")
VOCABULARY = ["vocab.json", "merges.txt"]  # the hub's has these, transformers writes tokenizer.json
VARIABLE = "LDZNET_CLIPSEG"  # names a folder to be used instead of the hub


class ClipSeg:
    """CLIPSeg as transformers has it; it squashes every picture to 352 x 352 pixels."""

    name = "clipseg"
    title = "CLIPSeg"
    colour = "#739900"
    reads = "reads the pixels with CLIP, not with diffusion"
    remedy = (
        f"CLIPSeg's weights are not here: fetch '{HUB_ID}' from the hub, or name their folder in "
        f"{VARIABLE}."
    )

    def __init__(self, model: Any, processor: Any, tokenizer: Any) -> None:
        """Join transformers' model, image processor and tokenizer; the model is frozen in place."""
        self.model = model.requires_grad_(False).eval()
        self.processor = processor
        self.tokenizer = tokenizer

    @classmethod
    def from_pretrained(
        cls, source: str | Path | None = None, *, device: str | torch.device = "cpu"
    ) -> Self:
        """CLIPSeg from a folder or hub id; by default LDZNET_CLIPSEG's, else the published weights.

        Reads safetensors only. Raises ValueError in one sentence if there is no such folder, it
        lacks a file, a file is damaged, or the hub does not give them.
        """
        folder = _folder(source or os.environ.get(VARIABLE) or HUB_ID)
        _check_files(folder)

        # Imported here: they take a second, which whoever has no use for a peer need not wait for.
        from transformers import CLIPSegForImageSegmentation, CLIPTokenizer, ViTImageProcessorPil

        try:
            model, report = CLIPSegForImageSegmentation.from_pretrained(
                folder, use_safetensors=True, local_files_only=True, output_loading_info=True
            )
            processor = ViTImageProcessorPil.from_pretrained(folder, local_files_only=True)
            tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # safetensors, torch and transformers each raise their own
            raise ValueError(
                f"The files in '{folder.name}' cannot be read as CLIPSeg's; fetch them again."
            ) from error
        words = model.config.text_config.vocab_size
        if report["missing_keys"] or report["mismatched_keys"] or len(tokenizer) != words:
            raise ValueError(
                f"The weights and words in '{folder.name}' are not whole or not those of CLIPSeg; "
                "fetch them again."
            )
        return cls(model.to(device), processor, tokenizer)

    @torch.no_grad()
    def __call__(self, picture: Image.Image, phrases: Sequence[str]) -> np.ndarray:
        """(P, H, W) float32 probabilities in [0, 1] at the RGB picture's own size.

        Raises ValueError for a phrase with more tokens than CLIP reads.
        """
        device = self.model.device
        texts = self.tokenizer(list(phrases), padding=True)
        self._check_length(phrases, texts.attention_mask)
        pixels = self.processor(picture, return_tensors="pt").pixel_values  # (1, 3, 352, 352)
        logits = self.model(
            input_ids=torch.tensor(texts.input_ids, device=device),
            attention_mask=torch.tensor(texts.attention_mask, device=device),
            pixel_values=pixels.to(device).expand(len(phrases), -1, -1, -1),
        ).logits
        probability = logits.float().sigmoid().reshape(len(phrases), 1, *logits.shape[-2:]).cpu()
        resized = functional.interpolate(  # (P, 1, H, W)
            probability, size=picture.size[::-1], mode="bilinear", antialias=True
        )
        return resized[:, 0].clamp(0, 1).numpy()

    def _check_length(self, phrases: Sequence[str], masks: Sequence[Sequence[int]]) -> None:
        limit = self.model.config.text_config.max_position_embeddings
        for phrase, mask in zip(phrases, masks, strict=True):
            if sum(mask) > limit:
                raise ValueError(
                    f"CLIPSeg reads {limit - 2} tokens and '{phrase[:40]}…' has {sum(mask) - 2}; "
                    "shorten it."
                )


def _folder(source: str | Path) -> Path:
    folder = find_folder(source, FILES)
    if folder is None:
        raise ValueError(
            f"There is no folder '{Path(source).name}' with CLIPSeg's weights; name one, or a hub "
            f"id such as '{HUB_ID}'."
        )
    return folder


def _check_files(folder: Path) -> None:
    needed = ["config.json", "preprocessor_config.json", "model.safetensors"]
    needed += ["tokenizer.json"] if (folder / "tokenizer.json").is_file() else VOCABULARY
    lacking = [name for name in needed if not (folder / name).is_file()]
    if lacking:
        raise ValueError(
            f"The folder '{folder.name}' lacks {', '.join(lacking)} of CLIPSeg; name a folder as "
            "the hub has it, with its weights as safetensors."
        )
