"""Everything that measures the package or trains the miniature; nothing else needs it."""

from typing import NamedTuple


class Experiment(NamedTuple):
    """What `python -m ldznet experiment NAME` runs, known without importing it."""

    module: str  # with `add_arguments(parser)` and `run(arguments)`; imported once it is chosen
    summary: str


_HERE = "ldznet.experiments."

EXPERIMENTS = {
    "pocket": Experiment(
        _HERE + "pocket.command",
        "Train the miniature backbone and its networks, from nothing; resumable, takes hours.",
    ),
    "study": Experiment(
        _HERE + "study.running",
        "Train many networks on few and many masks and score them; resumable, takes hours.",
    ),
    "trials": Experiment(
        _HERE + "pocket.trials",
        "Train pocket's denoiser in several ways, equally long, in an hour.",
    ),
    "samples": Experiment(
        _HERE + "samples",
        "Draw held-out prompts in every style and count what a checker sees in them.",
    ),
    "reconstruction": Experiment(
        _HERE + "reconstruction",
        "Encode and decode drawn test scenes of every style; write the PSNR as JSON.",
    ),
    "ensemble": Experiment(
        _HERE + "ensemble",
        "Measure what ensembles buy, by noise, timestep and template; write the scores as JSON.",
    ),
    "reuse": Experiment(
        _HERE + "reuse", "Measure what reusing a generation's features keeps and saves."
    ),
    "pointing": Experiment(
        _HERE + "pointing",
        "Play the pointing game with every block and timestep; write the hit rates as JSON.",
    ),
    "precision": Experiment(
        _HERE + "precision",
        "Measure how far masks in a lower precision agree with those in float32.",
    ),
    "memory": Experiment(
        _HERE + "memory",
        "Measure the memory that looking into a full-size diffusion model takes.",
    ),
    "bench": Experiment(
        _HERE + "bench.measurement",
        "Measure speed and memory against a plain way of doing the same.",
    ),
    "world": Experiment(
        _HERE + "world", "Choose the limit beyond which a picture is foreign to pocket."
    ),
    "examples": Experiment(
        _HERE + "examples", "Draw the page's examples and its first generation anew."
    ),
    "report": Experiment(
        _HERE + "report",
        "Rebuild the documents' tables and charts, the model card's too, from assets/benchmarks.",
    ),
}
