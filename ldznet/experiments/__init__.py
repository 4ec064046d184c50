"""Everything that measures the package or trains the miniature; nothing else needs it."""
