"""Arrays as data: read, encoded, split, standardised, and served in an exact order."""
