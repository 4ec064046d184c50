"""Pocket trained from nothing: its stages, the drawn scenes they see, and the trials behind it."""
