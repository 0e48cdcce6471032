"""What runs have come to: tables, rankings, files of predictions, promotion."""
