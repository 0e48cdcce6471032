"""Where the time of a step goes when several ranks train together, and what it comes to with many more of them."""
