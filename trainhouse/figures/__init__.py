"""Pictures of what runs have come to: one file for each kind, and one style for all of them."""
