"""How fast and how small the project is, each number as a ratio to a yardstick measured beside it.

`python -m benchmarks` from the repository root runs all rows; `benchmarks/rows/` holds them.
"""
