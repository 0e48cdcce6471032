"""From the command line to the act: composing, logs, one-line errors, sweepers."""
