"""A picture as a subject, and a way to count what ran."""

from contextlib import contextmanager

import pytest


@pytest.fixture(scope="session")
def subject(segmenter, picture):
    """The picture (48, 80) on the random backbone: 64 x 96 pixels, latents 16 x 24."""
    from ldznet.inspection import subject_of_image

    return subject_of_image(segmenter, picture)


@pytest.fixture
def count_runs():
    """A context that lists, afterwards, the blocks (1-16) of a U-Net that ran inside it."""
    from ldznet.blocks import BLOCKS, find_block

    @contextmanager
    def counting(unet):
        ran = []

        def note(number):
            return lambda *_: ran.append(number)  # what append returns changes no output

        hooks = [find_block(unet, n).register_forward_pre_hook(note(n)) for n in BLOCKS]
        try:
            yield ran
        finally:
            for hook in hooks:
                hook.remove()

    return counting
