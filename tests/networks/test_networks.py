"""What holds for every network."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from ldznet.blocks import find_block
from ldznet.networks import NETWORKS

every_network = pytest.mark.parametrize("name", NETWORKS)


def test_register():
    assert list(NETWORKS) == ["rgbnet", "znet", "ldznet"]
    assert [bool(network.reading) for network in NETWORKS.values()] == [False, False, True]


@every_network
@pytest.mark.parametrize("factor", [4, 8])
@pytest.mark.parametrize(("h", "w"), [(16, 16), (8, 40), (24, 16)])
def test_one_logit_per_pixel(tiny, encode, name, factor, h, w):
    encoding = encode(h=h, w=w, factor=factor)
    network = tiny(name, factor)
    with torch.no_grad():
        logits, grid = network(encoding), network.grid(encoding)
    assert grid.shape == (2, 1, h, w)
    assert logits.shape == (2, 1, h * factor, w * factor)
    assert logits.isfinite().all()


@every_network
def test_rows_do_not_mix(tiny, encode, name):
    encoding = encode(rows=3)
    single = replace(
        encoding,
        pixels=encoding.pixels[1:2],
        latents=encoding.latents[1:2],
        text=encoding.text[1:2],
        features={number: tensor[1:2] for number, tensor in encoding.features.items()},
    )
    network = tiny(name)
    with torch.no_grad():
        torch.testing.assert_close(network(encoding)[1:2], network(single), atol=1e-5, rtol=1e-5)


@every_network
def test_rows_of_text_decide_the_batch(tiny, encode, name):
    """One image serves several phrases without being repeated."""
    encoding = encode(rows=3)
    pixels, latents = encoding.pixels[:1], encoding.latents[:1]
    once = replace(encoding, pixels=pixels, latents=latents)
    repeated = replace(
        encoding, pixels=pixels.repeat(3, 1, 1, 1), latents=latents.repeat(3, 1, 1, 1)
    )
    network = tiny(name)
    with torch.no_grad():
        logits = network(once)
        torch.testing.assert_close(logits, network(repeated), atol=1e-5, rtol=1e-5)
    assert logits.shape[0] == 3
    assert not torch.equal(logits[0], logits[1])  # the phrases differ, so the masks do
    two = replace(encoding, pixels=encoding.pixels[:2], latents=encoding.latents[:2])
    with pytest.raises(ValueError, match="2 images for 3 rows of text"):
        network(two)


@pytest.mark.parametrize(
    ("name", "read", "ignored"),
    [
        ("rgbnet", ["pixels", "text"], ["latents", "features"]),
        ("znet", ["latents", "text"], ["pixels", "features"]),
        ("ldznet", ["latents", "text"], ["pixels"]),
    ],
)
def test_reads_what_it_says_and_nothing_else(tiny, encode, name, read, ignored):
    network, encoding = tiny(name), encode()
    with torch.no_grad():
        logits = network(encoding)
        for field in read:
            changed = replace(encoding, **{field: getattr(encoding, field).flip(0)})
            assert not torch.allclose(network(changed), logits)
        for field in ignored:
            nothing = (
                {} if field == "features" else torch.full_like(getattr(encoding, field), torch.nan)
            )
            assert torch.equal(network(replace(encoding, **{field: nothing})), logits)


@every_network
def test_checkpointing_leaves_the_gradients_alone(tiny, encode, name):
    network, encoding = tiny(name).train(), encode()
    target = torch.rand(2, 1, 128, 128, generator=torch.Generator().manual_seed(3)).round()
    passes = []
    find_block(network.unet, 7).transformer_blocks[0].register_forward_pre_hook(
        lambda *_: passes.append(1)
    )

    def gradients():
        network.zero_grad()
        passes.clear()
        functional.binary_cross_entropy_with_logits(network(encoding), target).backward()
        return {key: parameter.grad.clone() for key, parameter in network.named_parameters()}

    plain = gradients()
    assert len(passes) == 1
    network.enable_gradient_checkpointing()
    recomputed = gradients()
    assert len(passes) == 2  # the block ran again on the way back
    for key, gradient in plain.items():
        torch.testing.assert_close(recomputed[key], gradient, msg=key)


@every_network
def test_every_weight_has_a_gradient(tiny, encode, name):
    network = tiny(name).train()
    network(encode()).square().mean().backward()
    silent = [key for key, parameter in network.named_parameters() if not parameter.grad.any()]
    assert not silent


@every_network
def test_initialised_from_an_ldm(tiny, tiny_unet, encode, name):
    network = tiny(name, seed=5, silent=True)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    fresh = network.initialise_from(tiny_unet)
    given = tiny_unet.state_dict()
    for key, tensor in network.state_dict().items():
        wanted = before[key] if key in fresh else given[key.removeprefix("unet.")]
        assert torch.equal(tensor, wanted)
    own = {key for key in before if key.removeprefix("unet.") not in given}
    assert set(fresh) == own | {"unet.conv_out.weight", "unet.conv_out.bias"}

    # What the U-Net computes up to its output convolution is now what the LDM computes.
    encoding, seen = encode(), []
    keep = lambda module, args: seen.append(args[0])  # noqa: E731
    fused = {"ldm_features": encoding.features} if network.reading else None
    with torch.no_grad():
        for unet in (network.unet, tiny_unet):
            with unet.conv_out.register_forward_pre_hook(keep):
                unet(encoding.latents, 0, encoding.text, cross_attention_kwargs=fused)
                fused = None
    assert torch.equal(*seen)


@every_network
def test_initialising_from_another_width_is_refused(tiny, tiny_unet, name):
    from diffusers import UNet2DConditionModel

    wider = UNet2DConditionModel.from_config(tiny_unet.config, block_out_channels=(32, 32, 32, 32))
    network = tiny(name)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    with pytest.raises(ValueError, match="build the network with the U-Net's own widths"):
        network.initialise_from(wider)
    assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())


@every_network
def test_sizes_that_cannot_be_built_are_refused(name):
    with pytest.raises(ValueError, match="multiple of 8; got 20"):
        NETWORKS[name](sample_size=20)
