"""Many runs: grids, searches, and what they leave behind. Knows no torch."""
