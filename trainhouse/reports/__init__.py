"""What runs have come to: tables, figures, rankings, files of predictions, promotion."""
