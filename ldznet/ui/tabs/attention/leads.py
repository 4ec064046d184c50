"""What each view shows, in two or three plain sentences."""

from ldznet.ui.markup import term

_SAID = {
    "words": (
        "Looking at the noised picture, every cell of the diffusion model shares out its attention "
        f"over the {term('token', 'words')} of the phrase. Bright is where a word gets much of it: "
        f"this is the {term('cross-attention')}, averaged over the blocks chosen. Click a word to "
        "enlarge it."
    ),
    "point": (
        "Click anywhere in a picture, or move the point with the arrow keys. "
        f"In {term('self-attention')} the cell under the point looks at every other and takes "
        "most from those it finds akin. LD-ZNet's own "
        f"{term('feature attention')} shows which of the diffusion model's {term('features')} the "
        "network reads to decide whether the point belongs to the phrase."
    ),
    "features": (
        "A block holds dozens to hundreds of numbers per cell. "
        f"{term('PCA')} turns them into red, green and blue: cells of like colour are alike to the "
        "model. Within a strip the colours mean the same, so they can be compared; between the two "
        "strips they cannot."
    ),
    "text": (
        f"The diffusion model gives its {term('noise estimate')} twice: once with the phrase, once "
        "without any. Bright is where the two differ most: where the words matter. In the paper "
        "such maps, drawn without any training, are the first sign that the model knows where "
        "things are."
    ),
    "latent": (
        f"The autoencoder packs the picture into a {term('latent')} of four channels, and the "
        "diffusion model never sees anything else. Unpacking it gives the picture back nearly, not "
        "quite: the difference shows which detail no network behind it can know of."
    ),
}

LEADS = {name: f'<p class="lead">{said}</p>' for name, said in _SAID.items()}  # by view, as HTML
