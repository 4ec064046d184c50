"""Which files hold the weights of a part: one, shards under an index, or those of a variant."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

# The parts that have weights, and the beginning of their files' names.
STEMS = {
    "vae": "diffusion_pytorch_model",
    "unet": "diffusion_pytorch_model",
    "text_encoder": "model",
}
INDICES = tuple(f"{part}/{stem}.safetensors.index*.json" for part, stem in STEMS.items())
# Of several variants the first of these is taken, the most exact one; what training had beside
# its averages comes last.
VARIANTS = ("", "fp32", "float32", "fp16", "float16", "bf16", "bfloat16")
LAST = "non_ema"


@dataclass(frozen=True)
class WeightFiles:
    """The names of a part's files in its folder, all of which are needed."""

    names: tuple[str, ...]
    variant: str = ""  # such as "fp16", of "model.fp16.safetensors"


def find_weight_files(part: Path, names: Collection[str]) -> WeightFiles:
    """The weights among a part's files, of these names; a shard may be missing among them.

    A whole file comes before shards, and what is no variant before what is one. Of an index the
    content is read in the folder `part`. Where there are no weights, the usual name is returned.
    Raises ValueError for an index that cannot be read.
    """
    stem = STEMS[part.name]
    whole, indices = {}, {}
    for name in names:
        if match := re.fullmatch(rf"{stem}(?:\.([\w-]+))?\.safetensors", name):
            if not re.search(r"-\d+-of-\d+$", match[1] or ""):  # a shard of a variant
                whole[match[1] or ""] = name
        elif match := re.fullmatch(rf"{stem}\.safetensors\.index(?:\.([\w-]+))?\.json", name):
            indices[match[1] or ""] = name
    variants = sorted({*whole, *indices}, key=_rank)
    if not variants:
        return WeightFiles((f"{stem}.safetensors",))
    variant = variants[0]
    if variant in whole:
        return WeightFiles((whole[variant],), variant)
    return WeightFiles(_read_index(part / indices[variant]), variant)


def _rank(variant: str) -> tuple[bool, int, str]:
    place = VARIANTS.index(variant) if variant in VARIANTS else len(VARIANTS)
    return variant == LAST, place, variant


def _read_index(path: Path) -> tuple[str, ...]:
    try:
        shards = set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
        # A name with a folder in it could lead out of the model's own.
        if shards and all(re.fullmatch(r"[\w.-]+\.safetensors", shard) for shard in shards):
            return tuple(sorted(shards))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ValueError(
        f"The list of shards '{path.parent.name}/{path.name}' cannot be read; copy the model again."
    )
