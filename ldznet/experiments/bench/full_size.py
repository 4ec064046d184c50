"""LD-ZNet's path at full size: its time, memory and arithmetic, against the plain way."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.pocket import build_scheduler, build_tokenizer
from ldznet.backbone.recording import stop_after
from ldznet.blocks import BLOCKS, FUSION_BLOCKS, find_block
from ldznet.checkpoints.precision import LARGE, choose_dtype
from ldznet.experiments.bench.pocket import compare_plainly
from ldznet.experiments.measuring import (
    Spread,
    Work,
    alternate,
    highest_memory,
    measure_process,
    seconds_of,
    spread_of,
    spread_of_ratios,
)
from ldznet.networks import LDZNet
from ldznet.pipeline import Segmenter
from ldznet.types import Encoding, Generation

NETWORK = LDZNet.name
WEIGHTS = "random weights of full size"
SIDE = 384  # pixels, of the pictures that LD-ZNet was trained on
HEADS, TEXT_WIDTH = 8, 768
WORDS = ("a", "photo", "of", "red", "ball", "blue", "star", "tree", "umbrella")
PHRASES = ("red ball", "blue star", "tree", "umbrella")
WAYS = ("reference", "float32", "bfloat16")
MATRIX = 2048  # side of the matrices whose product is the measure of arithmetic
TOKENS = 77

Model = TypeVar("Model", bound=nn.Module)


def measure_full_size() -> dict[str, Any]:
    """LD-ZNet's whole path at full size in float32 and in the processor's best precision.

    Both against the same reference, a turn of each after the other; needs 18 GB of memory.
    """
    best = choose_dtype(torch.device("cpu"), parameters=LARGE)
    reference = Reference()
    result: dict[str, Any] = {
        "weights": WEIGHTS,
        "reference": "diffusers' classes, float32, fused attention",
    }
    for dtype in dict.fromkeys([torch.float32, best]):
        segmenter = build_segmenter(dtype)
        part: dict[str, Any] = {
            "matrix_giga_per_second": matrix_rate(dtype),
            "largest_difference": largest_difference(segmenter, reference),
            "one_phrase": asdict(time_against(segmenter, reference, 1, 3)),
            "four_phrases": asdict(time_against(segmenter, reference, 4, 2)),
            "use": {name: asdict(use) for name, use in measure_use(segmenter, 3).items()},
            "reuse": {name: asdict(each) for name, each in time_reuse(segmenter, 3).items()},
        }
        result[str(dtype).removeprefix("torch.")] = part
        if dtype != best:
            del segmenter  # two of ours and the reference would not fit together
    result["best"] = str(best).removeprefix("torch.")
    reference.write_softmax_out()
    result["written_softmax"] = asdict(time_against(segmenter, reference, 1, 2))
    del reference
    result["clipseg"] = asdict(time_clipseg(segmenter, 3))
    result["growth"] = time_growth(segmenter, (1, 2, 4, 8, 16), (256, 384, 512))
    return result


def measure_memory() -> dict[str, Any]:
    """The highest memory of the plain way and of ours in each precision, at full size, in bytes."""
    peaks = {way: measure_peak(way) for way in WAYS}
    shares = {way: peaks[way] / peaks["reference"] for way in WAYS if way != "reference"}
    return {"weights": WEIGHTS, "peak": peaks, "share_of_reference": shares}


@dataclass(frozen=True)
class Against:
    """Ours against another way, run in turns."""

    ours: Spread  # seconds
    other: Spread  # seconds
    ratio: Spread  # other over ours, per turn: how many times faster ours is


class Reference:
    """The plain way on stock classes in float32, its attention fused (SDPA) or a written softmax.

    diffusers fuses attention by default; the official code writes the softmax out.
    """

    def __init__(self) -> None:
        self.backbone = build_backbone(torch.float32)
        self.network = build_network(torch.float32)

    def __call__(self, image: np.ndarray, phrases: Sequence[str]) -> np.ndarray:
        """(P, H, W) probabilities."""
        return compare_plainly(self.backbone, {NETWORK: self.network}, image, phrases)[NETWORK]

    def write_softmax_out(self) -> None:
        """From here on, attention is products and a softmax."""
        for model in (self.backbone.unet, self.backbone.vae, self.network.unet):
            for name, processor in model.attn_processors.items():
                if not isinstance(processor, AttnProcessor):
                    model.get_submodule(name.removesuffix(".processor")).set_processor(
                        AttnProcessor()
                    )


def build_segmenter(dtype: torch.dtype) -> Segmenter:
    """Ours at full size."""
    return Segmenter(build_backbone(dtype), {NETWORK: build_network(dtype)})


def example(side: int = SIDE) -> np.ndarray:
    """(side, side, 3) uint8: smooth and coloured, since nothing depends on what it shows."""
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.array(Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC))


def time_against(segmenter: Segmenter, reference: Reference, phrases: int, turns: int) -> Against:
    """Ours against the plain way for so many phrases (1-4) in one picture."""
    image, texts = example(), PHRASES[:phrases]
    ways: dict[str, Work] = {
        "ours": lambda: segmenter.compare(image, texts, [NETWORK]),
        "other": lambda: reference(image, texts),
    }
    return _against(alternate(ways, turns, warm=phrases == 1))


def largest_difference(segmenter: Segmenter, reference: Reference) -> float:
    """The largest difference between ours and the plain way's probabilities, for one phrase."""
    image, texts = example(), PHRASES[:1]
    ours = segmenter.compare(image, texts, [NETWORK])[NETWORK]
    return float(np.abs(ours.probability - reference(image, texts)).max())


def time_reuse(segmenter: Segmenter, turns: int) -> dict[str, Spread]:
    """Segmenting one phrase in a picture just drawn: features kept, read anew, or from pixels."""
    side = SIDE // 8
    latents = torch.randn(1, 4, side, side, generator=torch.Generator().manual_seed(0))
    features = {
        block: torch.zeros(1, *_feature_shape(segmenter, block, side)).half()
        for block in FUSION_BLOCKS
    }
    generation = Generation(
        image=example(),
        latents=latents,
        prompt=PHRASES[0],
        negative_prompt="",
        seed=0,
        steps=20,
        guidance=7.5,
        features=features,
        feature_timestep=400,
    )
    texts = PHRASES[:1]
    taken = alternate(
        {
            "reused": lambda: segmenter.compare_generated(generation, texts, [NETWORK]),
            "exact": lambda: segmenter.compare_generated(generation, texts, [NETWORK], reuse=False),
            "encoded": lambda: segmenter.compare(generation.image, texts, [NETWORK]),
        },
        turns,
    )
    return {name: spread_of(seconds) for name, seconds in taken.items()} | {
        "ratio_to_exact": spread_of_ratios(taken["reused"], taken["exact"]),
        "ratio_to_encoded": spread_of_ratios(taken["reused"], taken["encoded"]),
    }


def _feature_shape(segmenter: Segmenter, block: int, side: int) -> tuple[int, int, int]:
    """Channels, height and width of a block's features for latents of this side."""
    level, stride = BLOCKS[block].level, BLOCKS[block].stride
    channels = segmenter.backbone.unet.config.block_out_channels[level]
    return channels, side // stride, side // stride


def time_growth(
    segmenter: Segmenter, phrases: Sequence[int], sides: Sequence[int]
) -> dict[str, dict[int, float]]:
    """Seconds for so many phrases in one picture, and for one phrase in pictures of these sides.

    The larger picture is segmented at its own size, not brought to the native one.
    """
    words = [f"{phrase} {other}" for phrase in PHRASES for other in PHRASES]

    def segment(side: int, texts: Sequence[str]) -> float:
        image = example(side)
        return seconds_of(lambda: segmenter.compare(image, texts, [NETWORK]))

    grown = {count: segment(SIDE, words[:count]) for count in phrases}
    native, areas = segmenter.native_size, {}
    for side in sides:
        segmenter.native_size = side
        segment(side, PHRASES[:1])  # the first of a size is slower
        areas[side] = segment(side, PHRASES[:1])
    segmenter.native_size = native
    return {"phrases": grown, "sides": areas}


def _against(taken: dict[str, list[float]]) -> Against:
    ratio = spread_of_ratios(taken["other"], taken["ours"])
    return Against(spread_of(taken["ours"]), spread_of(taken["other"]), ratio)


def time_clipseg(segmenter: Segmenter, turns: int) -> Against:
    """Ours against CLIPSeg (rd64, 352 x 352, random weights) for one phrase, each at its size."""
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

    config = CLIPSegConfig(vision_config={"patch_size": 16, "image_size": 352}, reduce_dim=64)
    clipseg = fill(lambda: CLIPSegForImageSegmentation(config), torch.float32)
    pixels = torch.randn(1, 3, 352, 352, generator=torch.Generator().manual_seed(0))
    ids = torch.full((1, 77), 2)

    @torch.no_grad()
    def run_clipseg() -> None:
        clipseg(input_ids=ids, pixel_values=pixels)

    image = example()
    ways: dict[str, Work] = {
        "ours": lambda: segmenter.compare(image, PHRASES[:1], [NETWORK]),
        "other": run_clipseg,
    }
    return _against(alternate(ways, turns))


@dataclass(frozen=True)
class Use:
    """One model's pass against the machine's products of large matrices, in the same precision."""

    giga_operations: float  # of a pass
    seconds: Spread
    giga_per_second: float  # of the median pass
    share: float  # of the matrix product's rate


@torch.no_grad()
def matrix_rate(dtype: torch.dtype, turns: int = 7) -> float:
    """Giga floating-point operations per second of a product of large square matrices, at best."""
    one, other = torch.randn(2, MATRIX, MATRIX).to(dtype)
    torch.mm(one, other)
    return 2e-9 * MATRIX**3 / min(seconds_of(lambda: torch.mm(one, other)) for _ in range(turns))


@torch.no_grad()
def measure_use(segmenter: Segmenter, turns: int) -> dict[str, Use]:
    """The use that each pass of LD-ZNet's path makes of the machine, for one phrase at full size.

    The matrix product is measured before and after each model, since a machine's pace varies.
    """
    backbone = segmenter.backbone
    encoding = _inputs(backbone.device, backbone.dtype)
    text = encoding.text
    recording = backbone.read(encoding.latents, text, LDZNet.reading, timestep=400)
    encoding = replace(encoding, features=recording.features_at(400))
    last = find_block(backbone.unet, max(FUSION_BLOCKS))
    work: dict[str, Work] = {
        "vae": lambda: backbone.vae.encode(encoding.pixels),
        "ldm to block 10": lambda: _stopped(backbone.unet, last, encoding.latents, text),
        "ldm": lambda: backbone.unet(encoding.latents, 400, text),
        "ldznet": lambda: segmenter.networks["ldznet"](encoding),
    }
    operations = count_operations()
    uses = {}
    for name, way in work.items():
        way()
        rate = matrix_rate(backbone.dtype)
        seconds = spread_of([seconds_of(way) for _ in range(turns)])
        rate = max(rate, matrix_rate(backbone.dtype))
        achieved = operations[name] / seconds.median
        uses[name] = Use(operations[name], seconds, achieved, achieved / rate)
    return uses


@torch.no_grad()
def count_operations() -> dict[str, float]:
    """Giga floating-point operations of each pass at full size, counted without computing."""
    with torch.device("meta"):
        vae, unet, network = build_autoencoder(), build_unet(), LDZNet()
    encoding = _inputs(torch.device("meta"), torch.float32)
    text = encoding.text
    features = {}
    for number in FUSION_BLOCKS:
        block = find_block(unet, number)
        block.register_forward_hook(
            lambda module, inputs, output, number=number: features.update({number: output[0]})
        )
    last = find_block(unet, max(FUSION_BLOCKS))
    counts = {
        "vae": _count(lambda: vae.encode(encoding.pixels)),
        "ldm to block 10": _count(lambda: _stopped(unet, last, encoding.latents, text)),
        "ldm": _count(lambda: unet(encoding.latents, 400, text)),
    }
    complete = Encoding(encoding.pixels, encoding.latents, text, features)
    return {**counts, "ldznet": _count(lambda: network(complete))}


def _inputs(device: torch.device, dtype: torch.dtype) -> Encoding:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator).to(device, dtype)

    cells = SIDE // 8
    pixels, latents = draw(1, 3, SIDE, SIDE), draw(1, 4, cells, cells)
    return Encoding(pixels, latents, draw(1, TOKENS, TEXT_WIDTH))


def _stopped(unet: nn.Module, last: nn.Module, latents: torch.Tensor, text: torch.Tensor) -> None:
    with stop_after(last):
        unet(latents, 400, text)


def _count(work: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() / 1e9


def measure_peak(way: str) -> int:
    """Highest resident memory, in bytes, of a process that segments one phrase one of `WAYS`."""
    program = f"from ldznet.experiments.bench.full_size import segment; print(segment({way!r}))"
    return measure_process(program)


def segment(way: str) -> int:
    """Highest resident memory so far, in bytes, of this process after segmenting one phrase."""
    if way == "reference":
        Reference()(example(), PHRASES[:1])
    else:
        build_segmenter(getattr(torch, way)).compare(example(), PHRASES[:1], [NETWORK])
    return highest_memory()


def build_backbone(dtype: torch.dtype) -> LatentDiffusion:
    """Stable Diffusion 1.x in the libraries' own classes."""
    vae, unet = fill(build_autoencoder, dtype), fill(build_unet, dtype)
    text_encoder = fill(_build_text_encoder, dtype)
    return LatentDiffusion(vae, unet, text_encoder, build_tokenizer(WORDS), build_scheduler())


def build_network(dtype: torch.dtype) -> LDZNet:
    """LD-ZNet of the paper's widths, frozen."""
    return fill(LDZNet, dtype)


def build_autoencoder() -> AutoencoderKL:
    """The first stage of Stable Diffusion 1.x."""
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
        sample_size=512,
    )


def build_unet() -> UNet2DConditionModel:
    """The denoising U-Net of Stable Diffusion 1.x."""
    return UNet2DConditionModel(
        sample_size=64, cross_attention_dim=TEXT_WIDTH, attention_head_dim=HEADS
    )


def _build_text_encoder() -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            projection_dim=TEXT_WIDTH,
            num_hidden_layers=12,
            num_attention_heads=12,
        )
    )


def fill(build: Callable[[], Model], dtype: torch.dtype) -> Model:
    """A frozen model with random weights of a scale that keeps activations near one.

    The usual initialisation takes minutes at this size; here a million numbers are repeated.
    """
    with torch.device("meta"):
        model = build().to(dtype)
    model = model.to_empty(device="cpu").eval().requires_grad_(False)
    numbers = torch.randn(2**20, generator=torch.Generator().manual_seed(0)).to(dtype)
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2:
            parameter.fill_(float(name.endswith("weight")))
            continue
        flat = parameter.view(-1)
        for piece in flat.split(len(numbers)):
            piece.copy_(numbers[: len(piece)])
        flat.mul_(parameter[0].numel() ** -0.5)
    for name, buffer in model.named_buffers():
        if name.endswith("position_ids"):
            buffer.copy_(torch.arange(buffer.shape[-1]).expand_as(buffer))
    return model
