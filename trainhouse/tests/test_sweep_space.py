"""What a command line asks a sweep for: the jobs of a grid, and what a search draws from."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from trainhouse.configuration.errors import UserError
from trainhouse.sweeps.space import grid, search_space


def parsed(*overrides: str):
    return OverridesParser.create().parse_overrides(list(overrides))


def test_a_grid_has_every_combination_and_the_last_key_changes_fastest() -> None:
    jobs = grid(parsed("model.hidden_sizes=[64],[128,64]", "trainer=cpu", "seed=range(1,3)"))
    assert jobs == [
        ["model.hidden_sizes=[64]", "trainer=cpu", "seed=1"],
        ["model.hidden_sizes=[64]", "trainer=cpu", "seed=2"],
        ["model.hidden_sizes=[128,64]", "trainer=cpu", "seed=1"],
        ["model.hidden_sizes=[128,64]", "trainer=cpu", "seed=2"],
    ]


def test_of_two_overrides_of_a_key_the_last_holds() -> None:
    assert grid(parsed("seed=1,2", "seed=3")) == [["seed=3"]]


def test_a_job_does_not_get_how_the_sweep_runs() -> None:
    assert grid(parsed("launcher=joblib", "sweep.resume=outputs/sweep", "seed=1")) == [["seed=1"]]


def test_a_grid_without_a_choice_is_one_job() -> None:
    assert grid(parsed("seed=1")) == [["seed=1"]]
    assert grid([]) == [[]]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("lr=interval(0.1,1)", FloatDistribution(0.1, 1)),
        ("lr=tag(log,interval(1e-4,1e-1))", FloatDistribution(1e-4, 1e-1, log=True)),
        ("size=int(interval(8,64))", IntDistribution(8, 64)),
        ("size=tag(log,int(interval(8,64)))", IntDistribution(8, 64, log=True)),
        ("size=range(1,10,3)", IntDistribution(1, 7, step=3)),
        ("act=relu,gelu", CategoricalDistribution(["relu", "gelu"])),
        ("sizes=choice([64],[128,64])", CategoricalDistribution(["[64]", "[128,64]"])),
        ("clip=null,1.0", CategoricalDistribution(["null", "1.0"])),
    ],
)
def test_each_kind_of_sweep_is_drawn_from_its_own_distribution(override: str, expected: object) -> None:
    space, fixed = search_space(parsed(override, "trainer=cpu"))
    assert list(space.values()) == [expected]
    assert [line for line in fixed if line not in space] == ["trainer=cpu"]


@pytest.mark.parametrize("override", ["lr=interval(1.0,0.5)", "lr=tag(log,interval(0.0,1))", "size=range(3,3)"])
def test_a_range_that_nothing_can_be_drawn_from_is_refused_with_its_key(override: str) -> None:
    key, _, value = override.partition("=")
    with pytest.raises(UserError) as refused:
        search_space(parsed(override))
    assert str(refused.value).startswith(f"{key}: {value}: ")


def test_a_grid_refuses_an_interval() -> None:
    with pytest.raises(UserError, match=r"^optimizer\.lr: an interval has no end of values"):
        grid(parsed("optimizer.lr=interval(0,1)"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lr=tag(lgo,interval(1e-4,1e-1))", "lr: tag(lgo,...) means nothing here; there is tag(log,...)"),
        ("lr=tag(log,choice(1,2))", "lr: tag(log,...) goes with an interval only"),
    ],
)
def test_a_tag_that_nobody_reads_is_refused(override: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        search_space(parsed(override))
    assert str(error.value) == message


def test_a_shuffled_space_is_the_same_at_every_start() -> None:
    spaces = [search_space(parsed("size=shuffle(range(1,9))", "act=shuffle(relu,gelu,elu)"))[0] for _ in range(5)]
    assert all(space == spaces[0] for space in spaces)


def test_a_grid_of_no_value_is_refused() -> None:
    with pytest.raises(UserError, match=r"^seed: range\(5,5\) holds no value; give at least one$"):
        grid(parsed("seed=range(5,5)"))


@pytest.mark.parametrize(
    "override", ["seed=range(0,1000000000)", "lr=range(0,1,0.000000001)", "n=range(9000000000,0,-1)"]
)
def test_a_range_without_an_end_in_sight_is_counted_not_listed(override: str) -> None:
    with pytest.raises(UserError, match="trials are more than a sweep takes"):
        grid(parsed(override))
