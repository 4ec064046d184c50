import torch

from ldznet.backbone.pocket import build_pocket
from ldznet.backbone.recording import record
from ldznet.blocks import BLOCKS
from ldznet.data.shapes import WORDS
from ldznet.experiments.pocket.diffusion import INNER_BLOCKS, Denoiser


def test_elsewhere_only_the_inner_blocks_read_the_text():
    backbone = build_pocket(WORDS)
    model = Denoiser(backbone).eval()
    ids = backbone.tokenizer(
        ["red ball", "two stars", ""], padding="max_length", return_tensors="pt"
    ).input_ids
    latents, timesteps = torch.randn(1, 4, 32, 32), torch.tensor([400])

    def attention(tokens, elsewhere=None):
        with record(backbone.unet, attention=tuple(BLOCKS), kinds=("cross",)) as recording:
            model(latents, timesteps, tokens, elsewhere)
        return {block: recording.attention[400, block, "cross"] for block in BLOCKS}

    with torch.no_grad():
        one, other = (attention(ids[row][None], ids[2][None]) for row in (0, 1))
    changed = {block for block in BLOCKS if not torch.equal(one[block], other[block])}
    assert set(INNER_BLOCKS) <= changed
    # Blocks before the first inner one saw the same empty text, whatever the prompt.
    assert changed.isdisjoint({1, 2, 3, 4})
    with torch.no_grad():
        plain = attention(ids[0][None])
        empty = attention(ids[2][None])
    assert not torch.equal(plain[1], empty[1])
    assert torch.equal(one[1], empty[1])
