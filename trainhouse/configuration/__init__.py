"""A command's configuration: read, checked against what it is for, and turned into objects."""
