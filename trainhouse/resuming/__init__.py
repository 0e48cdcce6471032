"""A run that was stopped ends with the same bits as one that never was."""
