"""Measures speed and memory: what shares work against what does not, and what the machine offers.

At full size the weights are random: no number here depends on what they say.
"""

from ldznet.experiments.bench.spread import Spread, alternate, spread_of, spread_of_ratios

__all__ = ["Spread", "alternate", "spread_of", "spread_of_ratios"]
