"""What a command is told: read, checked against what it is for, and turned into objects."""
