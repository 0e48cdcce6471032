"""What a row of a run's history holds beside what the module logs."""

COLUMNS = ("epoch", "step", "lr", "seconds", "train_rows", "train_seconds")
