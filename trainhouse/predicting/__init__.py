"""A trained model at work: evaluated, or asked about new rows."""
