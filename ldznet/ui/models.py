"""What every tab is built on."""

from dataclasses import dataclass

from ldznet.pipeline import POCKET, Segmenter

# Runs of any model wait for one another: several at once would only share the processor.
MODEL_QUEUE = "model"


@dataclass(frozen=True)
class Models:
    """The loaded models and the name a visitor knows the backbone by."""

    segmenter: Segmenter
    backbone: str = POCKET

    @property
    def titles(self) -> dict[str, str]:
        """Each network's name for people, e.g. "LD-ZNet", by its name in code."""
        return {name: network.title for name, network in self.segmenter.networks.items()}
