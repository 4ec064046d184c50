"""Results as files: masks, plates and records, written whole, saying where they come from."""
