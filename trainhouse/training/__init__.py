"""One run, from a checked configuration to a finished folder."""
