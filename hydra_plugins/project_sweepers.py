"""The sweepers, where Hydra finds them: in a package of this name. See trainhouse/launching/sweepers.py."""

from trainhouse.launching import one_by_one, sweepers


class GridSweeper(sweepers.GridSweeper):
    """Every combination of the values that were given."""


class OneByOne(one_by_one.OneByOne):
    """A command that doesn't train, once for every combination of the values that were given."""


class StudySweeper(sweepers.StudySweeper):
    """A search by an Optuna study."""
