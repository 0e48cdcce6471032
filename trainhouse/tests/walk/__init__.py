"""Walks all that Lightning lets one choose: each works and resumes, or is refused in one line; the table says which."""
