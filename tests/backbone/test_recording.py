"""`record()` against diffusers' own explicit attention, and against not recording at all."""

import copy
import threading

import pytest
import torch
from diffusers import StableDiffusionPipeline
from diffusers.models.attention_processor import AttnProcessor
from diffusers.models.transformers.transformer_2d import Transformer2DModel

from ldznet.backbone import record
from ldznet.backbone.generation import build_pipeline, embed_prompts
from ldznet.backbone.recording import attention_layer, attention_map
from ldznet.blocks import BLOCKS, FUSION_BLOCKS, find_block
from ldznet.networks import load_network
from ldznet.types import Encoding
from tests.conftest import features_of


@pytest.fixture(scope="module")
def unet(backbone):
    return backbone.unet


@pytest.fixture(scope="module")
def inputs(backbone):
    """Latents (2, 4, 16, 8) and text (2, 16, 32)."""
    return backbone.draw_noise((2, 4, 16, 8), seed=1), backbone.encode_text(["red ball", "a car"])


def hooks_on(module):
    return [
        hook
        for part in module.modules()
        for hook in (*part._forward_hooks.values(), *part._forward_pre_hooks.values())
    ]


def run(unet, inputs, timestep=400, **options):
    with torch.no_grad():
        return unet(inputs[0], timestep, inputs[1], **options).sample


def test_recording_everything_leaves_the_output_bit_identical_and_no_hook(unet, inputs):
    alone = run(unet, inputs)
    processors = {name: id(processor) for name, processor in unet.attn_processors.items()}
    with record(unet, features=BLOCKS, attention=BLOCKS) as recording:
        watched = run(unet, inputs)
        assert {name: id(each) for name, each in unet.attn_processors.items()} == processors
    assert torch.equal(alone, watched)
    assert len(recording.features) == 16
    assert len(recording.attention) == 32
    assert hooks_on(unet) == []


def test_features_are_the_transformers_outputs_in_execution_order(unet, inputs, monkeypatch):
    seen = []  # every transformer's output, in the order they ran, whatever its number
    forward = Transformer2DModel.forward

    def spy(self, *args, **kwargs):
        output = forward(self, *args, **kwargs)
        seen.append(output[0])
        return output

    monkeypatch.setattr(Transformer2DModel, "forward", spy)
    with record(unet, features=BLOCKS) as recording:
        run(unet, inputs)
    assert list(recording.features) == [(400, number) for number in range(1, 17)]
    for feature, output in zip(recording.features.values(), seen, strict=True):
        assert torch.equal(feature, output)
    for (_, number), feature in recording.features.items():
        stride = BLOCKS[number].stride
        channels = unet.config.block_out_channels[BLOCKS[number].level]
        assert feature.shape == (2, channels, 16 // stride, 8 // stride)


def explicit_attention(unet, number, inputs, **options):
    """Self- and cross-attention (B, queries, keys) as diffusers' unfused processor computes it."""
    unet = copy.deepcopy(unet)
    transformer = find_block(unet, number).transformer_blocks[0]
    maps = {}
    for kind, layer in (("self", transformer.attn1), ("cross", transformer.attn2)):
        layer.set_processor(AttnProcessor())

        def spy(*args, kind=kind, scores=layer.get_attention_scores):
            maps[kind] = scores(*args)  # (B * heads, queries, keys)
            return maps[kind]

        layer.get_attention_scores = spy
    run(unet, inputs, **options)
    return {kind: each.unflatten(0, (2, -1)).mean(dim=1) for kind, each in maps.items()}


@pytest.mark.parametrize("number", [1, 6, 7, 10, 16])
def test_attention_agrees_with_an_explicit_softmax(unet, inputs, number):
    with record(unet, attention=[number]) as recording:
        run(unet, inputs)
    expected = explicit_attention(unet, number, inputs)
    assert set(recording.attention) == {(400, number, "self"), (400, number, "cross")}
    for kind, wanted in expected.items():
        found = recording.attention[400, number, kind]
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
        torch.testing.assert_close(found.sum(-1), torch.ones(found.shape[:2]), atol=1e-5, rtol=0)
    assert recording.attention[400, number, "cross"].shape[-1] == 16


def test_fusion_attention_agrees_with_an_explicit_softmax(segmenter, networks_folder, inputs):
    backbone, network = segmenter.backbone, segmenter.networks["ldznet"]
    features = features_of(backbone, *inputs, 400)
    encoding = Encoding(torch.zeros(2, 3, 64, 32), *inputs, features)
    with torch.no_grad(), record(network.unet, attention=FUSION_BLOCKS, kinds=["fusion"]) as seen:
        watched = network(encoding)
    assert hooks_on(network) == []
    explicit = load_network(networks_folder / "ldznet")
    wanted = {}
    for number in FUSION_BLOCKS:
        layer = attention_layer(explicit.unet, number, "fusion")
        layer.set_processor(AttnProcessor())

        def spy(*args, number=number, scores=layer.get_attention_scores):
            wanted[number] = scores(*args)  # (B * heads, queries, keys)
            return wanted[number]

        layer.get_attention_scores = spy
    with torch.no_grad():
        torch.testing.assert_close(explicit(encoding), watched, atol=1e-4, rtol=0)
        assert torch.equal(network(encoding), watched)
    assert list(seen.attention) == [(0, number, "fusion") for number in FUSION_BLOCKS]
    for number in FUSION_BLOCKS:
        found = seen.attention[0, number, "fusion"]
        cells = 16 * 8 // BLOCKS[number].stride ** 2
        assert found.shape == (2, cells, 1 + cells)  # the mean of all cells comes first
        expected = wanted[number].unflatten(0, (2, -1)).mean(dim=1)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(found.sum(-1), torch.ones(2, cells), atol=1e-5, rtol=0)


def test_only_the_kinds_asked_for_are_kept(unet, inputs):
    with record(unet, attention=[3, 9], kinds=["cross"]) as recording:
        run(unet, inputs)
    assert list(recording.attention) == [(400, 3, "cross"), (400, 9, "cross")]


def test_any_row_of_self_attention_follows_from_the_states(unet, inputs):
    with record(unet, attention=[12], states=[12]) as recording:
        run(unet, inputs)
    states, layer = recording.states[400, 12], attention_layer(unet, 12, "self")
    whole = recording.attention[400, 12, "self"]
    assert states.shape == (2, 8 * 4, 32)
    for row in (0, 17, 31):
        found = attention_map(layer, states[:, row : row + 1], states)
        torch.testing.assert_close(found[:, 0], whole[:, row], atol=1e-6, rtol=0)
    assert hooks_on(unet) == []


def test_a_block_without_the_attention_asked_for_is_refused(unet):
    with (
        pytest.raises(ValueError, match="no fusion attention"),
        record(unet, attention=[7], kinds=["fusion"]),
    ):
        pass
    assert hooks_on(unet) == []


@pytest.mark.parametrize("guidance", [1.0, 5.0])
def test_the_second_half_of_a_guided_batch_follows_the_prompts(backbone, guidance):
    pipe = build_pipeline(backbone)
    prompts = ["red ball", "blue car"]
    noise = backbone.draw_noise((2, 4, 16, 16), seed=3)
    options = {"num_inference_steps": 1, "guidance_scale": guidance, "output_type": "latent"}
    with record(backbone.unet, features=[7], attention=[7], kinds=["cross"]) as recording:
        embeds = embed_prompts(backbone, prompts, guidance=guidance)
        pipe(**embeds, latents=noise, height=64, width=64, **options)
    ((timestep, _),) = recording.features
    assert len(recording.features[timestep, 7]) == (4 if guidance > 1 else 2)
    for row, prompt in enumerate(prompts):
        with record(backbone.unet, features=[7], attention=[7], kinds=["cross"]) as alone:
            run(backbone.unet, (noise[row : row + 1], backbone.encode_text([prompt])), timestep)
        # The conditional half is the last: one row per prompt, counted from the end.
        for found, wanted in (
            (recording.features[timestep, 7], alone.features[timestep, 7]),
            (recording.attention[timestep, 7, "cross"], alone.attention[timestep, 7, "cross"]),
        ):
            torch.testing.assert_close(found[row - 2], wanted[0], atol=1e-5, rtol=1e-4)


def test_attention_honours_a_mask(unet, inputs):
    mask = torch.ones(2, 16, dtype=torch.bool)
    mask[:, 5:] = False
    with record(unet, attention=[7]) as recording:
        run(unet, inputs, encoder_attention_mask=mask)
    cross = recording.attention[400, 7, "cross"]
    assert cross[..., 5:].max() == 0
    expected = explicit_attention(unet, 7, inputs, encoder_attention_mask=mask)
    torch.testing.assert_close(cross, expected["cross"], atol=1e-5, rtol=0)


def test_only_the_timesteps_asked_for_are_kept(unet, inputs):
    with (
        record(unet, timesteps={401, 1}, features=[7], attention=[7]) as recording,
        torch.no_grad(),
    ):
        unet(inputs[0], torch.tensor(801), inputs[1])
        unet(inputs[0], torch.tensor([401, 401]), inputs[1])
        unet(sample=inputs[0], timestep=1, encoder_hidden_states=inputs[1])
        run(unet, inputs, timestep=2)
    assert list(recording.features) == [(401, 7), (1, 7)]
    assert {key[0] for key in recording.attention} == {401, 1}
    with record(unet, features=[7]) as every:
        run(unet, inputs, timestep=1)
    assert torch.equal(every.features[1, 7], recording.features[1, 7])


def test_the_stock_pipeline_runs_unmodified(backbone_folder):
    pipe = StableDiffusionPipeline.from_pretrained(backbone_folder, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)

    def draw():
        generator = torch.Generator().manual_seed(5)
        options = {"num_inference_steps": 3, "generator": generator, "output_type": "np"}
        return pipe("red ball", **options).images

    alone = draw()
    visited = pipe.scheduler.timesteps.tolist()
    with record(pipe.unet, {visited[1]}, features=[6], attention=[7]) as recording:
        watched = draw()
    assert (alone == watched).all()
    assert list(recording.features) == [(visited[1], 6)]
    assert len(recording.features[visited[1], 6]) == 2  # unconditional, conditional


@pytest.mark.parametrize("fault", ["in the context", "in the pass", "in the arguments"])
def test_no_hook_stays_behind_after_a_fault(unet, inputs, fault):
    blocks = [1, 99] if fault == "in the arguments" else [1]
    with (  # noqa: PT012 - three places to fail, one outcome
        pytest.raises((RuntimeError, ValueError)),
        record(unet, features=blocks, attention=[1]),
    ):
        if fault == "in the context":
            raise RuntimeError(fault)
        run(unet, (inputs[0], inputs[1][..., :7]))  # a text of the wrong width
    assert hooks_on(unet) == []


def test_a_batch_of_different_timesteps_is_refused(unet, inputs):
    with record(unet, features=[1]), pytest.raises(ValueError, match="one timestep"):
        run(unet, inputs, timestep=torch.tensor([1, 2]))


def test_passes_of_other_threads_are_not_seen(unet, inputs):
    with record(unet, features=[1], attention=[1]) as recording:
        thread = threading.Thread(target=run, args=(unet, inputs, 7))
        thread.start()
        thread.join()
        run(unet, inputs, 8)
    assert list(recording.features) == [(8, 1)]
    assert {key[0] for key in recording.attention} == {8}


def test_features_are_detached_from_a_pass_with_gradients(unet, inputs):
    latents = inputs[0].clone().requires_grad_()
    with record(unet, features=[1], attention=[1]) as recording:
        output = unet(latents, 400, inputs[1]).sample
    assert output.requires_grad
    assert not recording.features[400, 1].requires_grad
    assert not recording.attention[400, 1, "self"].requires_grad
