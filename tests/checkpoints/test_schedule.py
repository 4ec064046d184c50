"""What a file states of its training is heeded, else its U-Net shows it; the measure is diffusers'
own schedule, and U-Nets whose answer is known.
"""

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, PNDMScheduler

from ldznet.backbone import LatentDiffusion
from ldznet.checkpoints.folder import load_scheduler
from ldznet.checkpoints.schedule import build_scheduler, is_standard
from tests.checkpoints.conftest import NETWORK as UNET

STATED = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
MARKER = torch.zeros(0)


@pytest.fixture(params=["first", "second"])
def tensors(request, first_tensors, second_tensors):
    return {"first": first_tensors, "second": second_tensors}[request.param]


def answering(tensors, factor):
    """A U-Net that answers with what it is given, times a factor, up to its normalisation."""
    silent = {key: torch.zeros_like(each) for key, each in tensors.items() if key.startswith(UNET)}
    into, out = silent[f"{UNET}input_blocks.0.0.weight"], silent[f"{UNET}out.2.weight"]
    skip = silent[f"{UNET}output_blocks.11.0.skip_connection.weight"]
    width = len(into)
    for channel in range(4):  # x and -x side by side, as silu(x) - silu(-x) is x
        for place, sign in ((2 * channel, 1), (2 * channel + 1, -1)):
            into[place, channel, 1, 1] = sign
            skip[place, width + place] = 1
            out[channel, place, 1, 1] = sign * factor
    silent[f"{UNET}out.0.weight"] += 1
    return tensors | silent


@pytest.mark.parametrize(("factor", "kind"), [(1, "epsilon"), (-1, "v_prediction")])
def test_what_it_predicts_shows_at_the_last_timestep(tensors, write, factor, kind):
    model = LatentDiffusion.from_pretrained(write(answering(tensors, factor)))
    assert model.scheduler.config.prediction_type == kind
    second = model.unet.config.use_linear_projection
    assert model.native_size == (768 if second and kind == "v_prediction" else 512)


@pytest.mark.parametrize("keys", [("v_pred",), ("ztsnr",), ("v_pred", "ztsnr")], ids="-".join)
def test_marker_keys_count_before_what_shows(first_tensors, write, keys):
    tensors = answering(first_tensors, 1) | dict.fromkeys(keys, MARKER)
    scheduler = LatentDiffusion.from_pretrained(write(tensors)).scheduler
    stated = DDIMScheduler(**STATED, rescale_betas_zero_snr="ztsnr" in keys)
    assert scheduler.config.prediction_type == "v_prediction"
    assert torch.equal(scheduler.alphas_cumprod, stated.alphas_cumprod)
    scheduler.set_timesteps(10)
    # Where the end is pure noise, drawing has to begin there.
    assert (scheduler.timesteps[0] == 999) == ("ztsnr" in keys)


def test_a_rescaled_schedule_is_read_from_its_betas(first_tensors, write):
    betas = DDIMScheduler(**STATED, rescale_betas_zero_snr=True).betas
    model = LatentDiffusion.from_pretrained(write(first_tensors | {"betas": betas.half()}))
    assert float(model.scheduler.alphas_cumprod[-1]) == 0


def test_a_scheduler_beside_the_file_counts_first(tensors, write):
    path = write(answering(tensors, -1) | {"betas": torch.linspace(0.1, 0.2, 1000)})
    refused(path, "another noise schedule .* copy the folder 'scheduler' of its model beside it")
    folder = path.parent / "scheduler"
    PNDMScheduler(prediction_type="epsilon", beta_start=0.1, beta_end=0.2).save_pretrained(folder)
    model = LatentDiffusion.from_pretrained(path)
    assert model.scheduler.config.prediction_type == "epsilon"
    assert float(model.scheduler.betas[0]) == pytest.approx(0.1)
    DDIMScheduler(prediction_type="sample").save_pretrained(folder)
    model = LatentDiffusion.from_pretrained(path)
    assert model.scheduler.config.prediction_type == "sample"
    DDIMScheduler(prediction_type="flow").save_pretrained(folder)
    refused(path, "predicts 'flow', and only epsilon, v_prediction, sample")


def refused(path, pattern):
    with pytest.raises(ValueError, match=pattern):
        LatentDiffusion.from_pretrained(path)


PRECISIONS = (torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)


@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
def test_a_file_stored_whole_in_fewer_bits(first_tensors, write, precision):
    """The schedule is rounded with the weights; these are the file's, whatever computes."""
    stored = {
        key: each.to(precision) if each.is_floating_point() else each
        for key, each in first_tensors.items()
    }
    model = LatentDiffusion.from_pretrained(write(stored), precision="float32")
    key = f"{UNET}input_blocks.0.0.weight"
    assert torch.equal(model.unet.conv_in.weight, stored[key].float())
    assert torch.equal(model.scheduler.alphas_cumprod, DDIMScheduler(**STATED).alphas_cumprod)
    # Rounded once, and then stored in more bits.
    LatentDiffusion.from_pretrained(write(stored | {"betas": stored["betas"].float()}))
    for other in (first_tensors["betas"] * 1.02, torch.linspace(0.00085, 0.012, 1000)):
        refused(write(stored | {"betas": other.to(precision)}), "another noise schedule")


def test_zero_terminal_snr_shifts_and_stretches_the_signal(tmp_path):
    """Lin et al., algorithm 1, in float64 from Stable Diffusion's own betas."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    signal = np.sqrt(np.cumprod(1 - betas))
    expected = (signal - signal[-1]) * signal[0] / (signal[0] - signal[-1])
    build_scheduler("v_prediction", rescale_betas_zero_snr=True).save_pretrained(tmp_path)
    scheduler = load_scheduler(tmp_path)
    assert np.allclose(scheduler.alphas_cumprod.sqrt(), expected, atol=2e-4)
    assert scheduler.alphas_cumprod[-1] == 0
    assert scheduler.config.prediction_type == "v_prediction"
    assert not is_standard(scheduler.betas)
    scheduler.set_timesteps(10)
    assert scheduler.timesteps.tolist() == list(range(999, 0, -100))


def test_a_perfect_velocity_leads_from_pure_noise_back_to_the_picture():
    scheduler = build_scheduler("v_prediction", rescale_betas_zero_snr=True)
    scheduler.set_timesteps(10)
    picture = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    start = latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    for timestep in scheduler.timesteps:
        kept = scheduler.alphas_cumprod[timestep]
        noise = (latents - kept.sqrt() * picture) / (1 - kept).sqrt()
        velocity = kept.sqrt() * noise - (1 - kept).sqrt() * picture
        latents = scheduler.step(velocity, timestep, latents).prev_sample
    kept = scheduler.alphas_cumprod[0]  # of the picture; the last step leaves so little noise
    assert kept > 0.999
    assert torch.allclose(latents, kept.sqrt() * picture + (1 - kept).sqrt() * start, atol=1e-4)
