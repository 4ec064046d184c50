import torch

from ldznet.backbone.pocket import COARSE, FINE, build_autoencoder, build_unet
from ldznet.experiments.pocket.growing import halve_patch, nest


def test_half_the_patch_encodes_as_the_whole_does_the_picture_enlarged():
    torch.manual_seed(0)
    coarse = build_autoencoder(COARSE).eval()
    fine = halve_patch(coarse).eval()
    assert (fine.factor, coarse.factor) == (4, 8)
    pixels = torch.rand(1, 3, 32, 64) * 2 - 1
    enlarged = pixels.repeat_interleave(2, dim=-2).repeat_interleave(2, dim=-1)
    with torch.no_grad():
        latents = coarse.encode(enlarged).latent_dist.mean
        assert torch.allclose(fine.encode(pixels).latent_dist.mean, latents, atol=1e-5)
        reduced = torch.nn.functional.avg_pool2d(coarse.decode(latents).sample, 2)
        assert torch.allclose(fine.decode(latents).sample, reduced, atol=1e-5)


def test_a_nested_unet_has_the_inner_ones_levels_one_deeper():
    torch.manual_seed(0)
    inner, outer = build_unet(COARSE), build_unet(FINE)
    before = {name: tensor.clone() for name, tensor in outer.state_dict().items()}
    left = nest(inner, outer)
    # Blocks 11 to 13 of stride 2 are blocks 8 to 10 of stride 4 now.
    for layer in range(3):
        for own, given in zip(
            outer.up_blocks[1].attentions[layer].parameters(),
            inner.up_blocks[2].attentions[layer].parameters(),
            strict=True,
        ):
            assert torch.equal(own, given)
    assert torch.equal(
        outer.down_blocks[3].resnets[1].conv2.weight, inner.down_blocks[2].resnets[1].conv2.weight
    )
    assert torch.equal(
        outer.mid_block.resnets[0].conv1.weight, inner.mid_block.resnets[0].conv1.weight
    )
    assert all(torch.equal(before[name], outer.state_dict()[name]) for name in left)
    assert all(
        name in left for name in before if name.startswith(("down_blocks.0.", "up_blocks.3."))
    )
    share = sum(before[name].numel() for name in left) / sum(
        each.numel() for each in before.values()
    )
    assert share < 0.06  # nearly everything comes from the inner one
