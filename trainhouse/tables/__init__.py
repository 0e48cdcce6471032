"""Tables of named columns, from files as people have them: which columns are features, and as which numbers."""
