"""The official names written down by hand, against which those that the package takes are held.

Source: the U-Nets of LDM and LD-ZNet, and the first stage, as their checkpoints name them
(CompVis/stable-diffusion, koutilya-pnvr/LD-ZNet), for the Stable Diffusion 1.x topology.
"""

LEVELS = 4
LAYERS = 2  # residual blocks per level on the way down; one more on the way up

RESNET = {
    "in_layers.0.": "norm1.",
    "in_layers.2.": "conv1.",
    "emb_layers.1.": "time_emb_proj.",
    "out_layers.0.": "norm2.",
    "out_layers.3.": "conv2.",
    "skip_connection.": "conv_shortcut.",
}

# Ours keeps the whole fusion inside the transformer block; the official pool sits beside it.
TRANSFORMER = {
    "attentionpool2D.positional_embedding": "transformer_blocks.0.pool.positions",
    "attentionpool2D.qkv_proj.": "transformer_blocks.0.pool.qkv.",
    "attentionpool2D.c_proj.": "transformer_blocks.0.pool.out.",
    "transformer_blocks.0.norm_sd.": "transformer_blocks.0.norm_ldm.",
    "transformer_blocks.": "transformer_blocks.",
    "norm.": "norm.",
    "proj_in.": "proj_in.",
    "proj_out.": "proj_out.",
}

OUTSIDE = {
    "time_embed.0.": "time_embedding.linear_1.",
    "time_embed.2.": "time_embedding.linear_2.",
    "input_blocks.0.0.": "conv_in.",
    "out.0.": "conv_norm_out.",
    "out.2.": "conv_out.",
}


def to_official(key: str) -> str:
    """The official key of a tensor of our ZNet or LDZNet.

    A tensor that only ours have (RGBNet's stem) keeps its name.
    """
    if key.startswith("head."):
        return key.replace("head.", "final.", 1)
    key = key.removeprefix("unet.")
    for official, ours in _PREFIXES.items():
        if key.startswith(ours):
            return official + key.removeprefix(ours)
    return key


def _build_prefixes() -> dict[str, str]:
    """Every official module's name, with a final dot, and ours for it."""
    prefixes = dict(OUTSIDE)

    def resnet(official: str, ours: str) -> None:
        prefixes.update({f"{official}.{a}": f"{ours}.{b}" for a, b in RESNET.items()})

    def transformer(official: str, ours: str) -> None:
        prefixes.update({f"{official}.{a}": f"{ours}.{b}" for a, b in TRANSFORMER.items()})

    for level in range(LEVELS):
        for layer in range(LAYERS):
            number = 1 + level * (LAYERS + 1) + layer
            resnet(f"input_blocks.{number}.0", f"down_blocks.{level}.resnets.{layer}")
            if level < LEVELS - 1:  # the deepest level has no attention
                transformer(f"input_blocks.{number}.1", f"down_blocks.{level}.attentions.{layer}")
        if level < LEVELS - 1:
            number = (level + 1) * (LAYERS + 1)
            prefixes[f"input_blocks.{number}.0.op."] = f"down_blocks.{level}.downsamplers.0.conv."
    resnet("middle_block.0", "mid_block.resnets.0")
    transformer("middle_block.1", "mid_block.attentions.0")
    resnet("middle_block.2", "mid_block.resnets.1")
    for level in range(LEVELS):  # on the way up, from the deepest
        for layer in range(LAYERS + 1):
            number = level * (LAYERS + 1) + layer
            resnet(f"output_blocks.{number}.0", f"up_blocks.{level}.resnets.{layer}")
            if level > 0:
                transformer(f"output_blocks.{number}.1", f"up_blocks.{level}.attentions.{layer}")
        if level < LEVELS - 1:
            # The upsampler follows the level's last block, after its attention if it has one.
            place = f"output_blocks.{number}.{1 if level == 0 else 2}.conv."
            prefixes[place] = f"up_blocks.{level}.upsamplers.0.conv."
    return prefixes


_PREFIXES = _build_prefixes()


# Pieces of the first stage's official keys and diffusers' for them, in this order.
FIRST_STAGE = (
    (".down.", ".down_blocks."),
    (".block.", ".resnets."),
    (".downsample.", ".downsamplers.0."),
    (".upsample.", ".upsamplers.0."),
    (".mid.block_1.", ".mid_block.resnets.0."),
    (".mid.block_2.", ".mid_block.resnets.1."),
    (".nin_shortcut.", ".conv_shortcut."),
    (".mid.attn_1.norm.", ".mid_block.attentions.0.group_norm."),
    (".mid.attn_1.q.", ".mid_block.attentions.0.to_q."),
    (".mid.attn_1.k.", ".mid_block.attentions.0.to_k."),
    (".mid.attn_1.v.", ".mid_block.attentions.0.to_v."),
    (".mid.attn_1.proj_out.", ".mid_block.attentions.0.to_out.0."),
    (".norm_out.", ".conv_norm_out."),
)


def first_stage_name(key: str, levels: int = 4) -> str:
    """Diffusers' name; it counts the decoder's levels from the deepest, the official one back."""
    for level in range(levels):
        key = key.replace(f"decoder.up.{level}.", f"decoder.up_blocks.{levels - 1 - level}.")
    for official, ours in FIRST_STAGE:
        key = key.replace(official, ours)
    return key
