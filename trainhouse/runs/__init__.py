"""The run folder: its names, the claim that makes it one run's own, and what is kept in it."""
