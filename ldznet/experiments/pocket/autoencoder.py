"""Trains pocket's first stage on random crops of drawn scenes, all styles mixed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ldznet.backbone.pocket import PatchAutoencoder
from ldznet.experiments.pocket.scenes import SceneStore
from ldznet.images import to_pictures, to_pixels
from ldznet.training.loop import TrainConfig, TrainResult, own_share, train
from ldznet.training.losses import reconstruction_loss

CROP = 64  # pixels; four times the crops per second of whole scenes


class _Reconstruction(nn.Module):
    """Encoder, a sample of the posterior, decoder: one forward for the training loop."""

    def __init__(self, vae: PatchAutoencoder) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        posterior = self.vae.encode(pixels).latent_dist
        latents = posterior.mean + posterior.std * torch.randn_like(posterior.mean)
        return self.vae.decode(latents).sample, posterior.mean, posterior.logvar


# What draws the crops of a step: (B, 3, CROP, CROP) in [-1, 1], this process's share of the batch.
Crops = Callable[[int], Tensor]


def train_autoencoder(
    vae: PatchAutoencoder,
    draw_crops: Crops,
    shown: np.ndarray,
    config: TrainConfig,
    folder: Path,
    log: Callable[[str], None] | None = None,
) -> TrainResult:
    """Train `vae` in place; sheets of `shown` (N, H, W, 3) and reconstructions go to `folder`."""

    def loss(model: nn.Module, step: int) -> Tensor:
        pixels = draw_crops(step).to(next(model.parameters()).device)
        output, mean, logvar = model(pixels)
        return reconstruction_loss(output.float(), pixels, mean.float(), logvar.float())

    def preview(step: int) -> None:
        pixels = to_pixels(shown).to(vae.device)
        with torch.no_grad():
            output = vae(pixels).sample
        rows = np.concatenate([np.hstack(list(shown)), np.hstack(list(to_pictures(output)))])
        Image.fromarray(rows).save(folder / f"reconstructions-{step:06d}.png")

    vae.train().requires_grad_(True)
    vae.to(memory_format=torch.channels_last)
    result = train("first stage", _Reconstruction(vae), loss, config, folder, preview, log=log)
    vae.eval().requires_grad_(False)
    return result


def stored_crops(stores: list[SceneStore], config: TrainConfig) -> Crops:
    """Crops of stored scenes, seeded by the step, as is the sample of the posterior."""

    def draw(step: int) -> Tensor:
        random = np.random.default_rng([config.seed, step])
        torch.manual_seed(int(random.integers(2**31)))
        crops = [
            _crop(stores[random.integers(len(stores))], random) for _ in range(config.batch_size)
        ]
        return to_pixels(np.stack(crops[own_share()]))

    return draw


def load_first_stage(folder: Path) -> PatchAutoencoder:
    """A first stage that a run finished, frozen; raises ValueError if it is not trained yet."""
    if not (folder / "card.json").exists():
        raise ValueError(f"There is no first stage yet; run the stage '{folder.name}' before.")
    vae = PatchAutoencoder.from_pretrained(
        folder / "vae", dtype=torch.float32, use_safetensors=True
    )
    return vae.requires_grad_(False).eval()


@torch.no_grad()
def normalise_latents(vae: PatchAutoencoder, pictures: np.ndarray) -> None:
    """Give every latent channel zero mean and unit deviation, without changing what `vae` decodes.

    One scaling factor, as Stable Diffusion has it, would leave weak channels drowned in noise. The
    affine map goes into the two 1x1 convolutions on either side of the latents, measured on
    pictures (N, H, W, 3) uint8, and the scaling factor becomes 1.
    """
    parts = [
        vae.encode(part.to(vae.device)).latent_dist.mean for part in to_pixels(pictures).split(50)
    ]
    latents = torch.cat(parts)
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    channels = len(mean)
    into, out_of = vae.quant_conv, vae.post_quant_conv
    into.weight[:channels] /= deviation.view(-1, 1, 1, 1)
    into.bias[:channels] = (into.bias[:channels] - mean) / deviation
    into.bias[channels:] -= 2 * deviation.log()  # the posterior's log variance
    out_of.bias += out_of.weight[:, :, 0, 0] @ mean
    out_of.weight *= deviation.view(1, -1, 1, 1)
    vae.register_to_config(scaling_factor=1.0)


def _crop(store: SceneStore, random: np.random.Generator) -> np.ndarray:
    picture = store.picture(int(random.integers(len(store))))
    top, left = random.integers(0, picture.shape[0] - CROP + 1, size=2)
    crop = picture[top : top + CROP, left : left + CROP]
    return crop[:, ::-1] if random.random() < 0.5 else crop
