"""A random backbone built as Stable Diffusion 2.1 is: other heads, projections and prediction."""

import pytest

from tests.conftest import GROUPS, LATENT_SIDE, TEXT_WIDTH, WIDTHS


@pytest.fixture(scope="session")
def second_folder(tmp_path_factory, backbone_folder):
    """A diffusers folder of Stable Diffusion 2.1's kind with the random backbone's VAE and text."""
    import torch
    from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        unet = UNet2DConditionModel(
            sample_size=LATENT_SIDE,
            block_out_channels=WIDTHS,
            cross_attention_dim=TEXT_WIDTH,
            attention_head_dim=(1, 2, 4, 8),
            norm_num_groups=GROUPS,
            use_linear_projection=True,
            upcast_attention=True,
        )
    pipeline = StableDiffusionPipeline.from_pretrained(
        backbone_folder, unet=unet, safety_checker=None, requires_safety_checker=False
    )
    pipeline.scheduler = DDIMScheduler.from_config(
        pipeline.scheduler.config,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )
    folder = tmp_path_factory.mktemp("second")
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def second(second_folder):
    """That backbone, loaded."""
    from ldznet.backbone import LatentDiffusion

    return LatentDiffusion.from_pretrained(second_folder)
