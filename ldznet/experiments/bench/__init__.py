"""Measures speed and memory: what shares work against what does not, and what the machine offers.

At full size the weights are random: no number here depends on what they say.
"""
