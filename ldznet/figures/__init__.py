"""Pictures of results: arrays in, uint8 images out."""
