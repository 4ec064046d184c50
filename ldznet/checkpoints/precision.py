"""Where the models run and in which precision: one policy for backbone and networks.

- An accelerator is taken where there is one, CUDA before MPS.
- CUDA: bfloat16 where the GPU computes in it (from Ampere on), else float16.
- MPS: float16, which every Apple GPU computes in; bfloat16 needs a recent macOS.
- CPU: bfloat16 where the processor multiplies matrices in it (AVX512-BF16 or AMX) and the model is
  large; else float32. Without those instructions bfloat16 is emulated and slower. Pocket's products
  are so small that converting to and fro costs what the products save.

bfloat16 comes first because it has float32's range: no activation of Stable Diffusion, whatever the
picture, overflows in it. What takes little of the time and decides much of the result stays in
float32 in every precision: the text encoder, the noise and its mixture with the latents, recorded
attention, the networks' output layer and mask head (see `networks.head`), and the
probabilities. Every choice can be overridden by name.
"""

import torch

AUTO = "auto"
PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
# Of the text encoder, whatever the other models run in: through its layers a rounding grows, and
# every phrase is encoded once.
TEXT_PRECISION = torch.float32
# Parameters of all models of a backbone. Pocket has 5 million, Stable Diffusion 1.x 1,066 million.
LARGE = 100_000_000


def choose_device(name: str | torch.device = AUTO) -> torch.device:
    """The device of this name ("cpu", "cuda", "cuda:1", "mps"), or the best one for "auto".

    Raises ValueError for a name that is no device, or a device that this machine does not have.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == AUTO:
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"There is no device '{name}'; choose auto, cpu, cuda or mps.") from error
    count = {"cpu": 1, "cuda": torch.cuda.device_count() if cuda else 0, "mps": int(mps)}
    if (device.index or 0) >= count.get(device.type, 0):
        raise ValueError(f"This machine has no device '{name}'; choose auto or cpu.")
    return device


def choose_dtype(device: torch.device, name: str = AUTO, *, parameters: int) -> torch.dtype:
    """The number format for a model of so many parameters on a device, or that of a given name.

    Names are "float32", "bfloat16" and "float16"; "auto" follows the policy above. Raises
    ValueError for another name.
    """
    if name in PRECISIONS:
        return PRECISIONS[name]
    if name != AUTO:
        choices = ", ".join([AUTO, *PRECISIONS])
        raise ValueError(f"There is no precision '{name}'; choose from {choices}.")
    if device.type == "cuda":
        with torch.cuda.device(device):
            native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    if device.type == "mps":
        return torch.float16
    return torch.bfloat16 if parameters >= LARGE and multiplies_bfloat16() else torch.float32


def multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for products of bfloat16 matrices."""
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
