"""What the official checkpoints hold: their models' names and sizes in diffusers' words."""

# How the keys of a Stable Diffusion checkpoint's models begin.
UNET = "model.diffusion_model."
FIRST_STAGE = "first_stage_model."
TEXT_ENCODER = "cond_stage_model."
CLIP = f"{TEXT_ENCODER}transformer."  # Stable Diffusion 1.x
OPEN_CLIP = f"{TEXT_ENCODER}model."  # Stable Diffusion 2.x
