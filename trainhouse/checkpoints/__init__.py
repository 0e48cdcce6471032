"""One file per model: what is in it, how it is written, and how it is read without running code."""
