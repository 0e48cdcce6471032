"""How fast and how small the project is, each number as a ratio to a yardstick measured beside it.

`python -m trainhouse.benchmarks` from the repository root runs all rows; `trainhouse/benchmarks/rows/` holds them.
"""
