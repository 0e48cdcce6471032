"""Whatever a single run accepts, a job of a sweep gets: command lines composed both ways, and compared."""

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import OmegaConf

from trainhouse.configuration.schema import CONF
from trainhouse.configuration.speed import fast
from trainhouse.launching.below_swept import left_to_the_jobs, unhidden
from trainhouse.sweeps.folder import same_job
from trainhouse.sweeps.job import Objective
from trainhouse.sweeps.search import SearchPlan
from trainhouse.sweeps.search_settings import SearchSettings
from trainhouse.sweeps.space import grid, search_space

# Each with the values that it varies, if it does; the order in which they are typed counts.
VARIED: list[tuple[str, list[str]]] = [
    ("seed", ["1", "2"]),
    ("scheduler", ["cosine", "one_cycle"]),
    ("model", ["cnn", "simple_net"]),
    ("optimizer", ["sgd", "adam"]),
    ("model.dropout", ["0.1", "0.2"]),
    ("optimizer", ["{lr:0.5}", "{lr:0.7,weight_decay:0.1}"]),
    ("model", ["{dropout:0.3}", "{dropout:0.4}"]),
    ("++model.dropout", ["0.3", "0.4"]),
    ("experiment", ["gan", "digits_cnn"]),
    ("model.hidden_sizes", ["[8]", "[8,4]"]),
]
FIXED = [
    *(
        "seed=3",
        "model={dropout:0.25}",
        "model={hidden_sizes:[16]}",
        "model.dropout=0.5",
        "~scheduler",
        "scheduler=cosine",
    ),
    *("scheduler.warmup=0.1", "optimizer.lr=0.01", "++optimizer.lr=0.02", "optimizer={lr:0.03}", "model=linear"),
    *("+trainer.max_time=1", "+trainer.max_time=2", "data.augmentation={shift:1}", "data={augmentation:{rotate:5}}"),
    *("data={augmentation:{scale:0.1}}", "trainer.max_epochs=2", "trainer.max_epochs=3", "callbacks=none", "name=a"),
    *(
        "~callbacks.early_stopping",
        "callbacks.early_stopping.patience=3",
        "model.latent_size=4",
        "optimizer.momentum=0.9",
    ),
    *("model.channels=[4]", "optimizer=sgd", "name=b", "trainer={max_epochs:4}", "monitor=val/acc mode=max"),
]


@pytest.fixture
def loader() -> ConfigLoaderImpl:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return GlobalHydra.instance().config_loader()  # type: ignore[return-value]


def composed(compose: Callable[[], Any]) -> Any:
    """Return a composed configuration without Hydra's own part; None if it is refused."""
    try:
        config = compose()
    except ConfigCompositionException:
        return None
    plain = OmegaConf.to_container(config, resolve=False)
    del plain["hydra"]  # type: ignore[union-attr]
    return plain


def of_the_sweep(loader: ConfigLoaderImpl, arguments: Sequence[str], place: int) -> Any:
    """Return what a job of ``-m <arguments>`` gets; None if it is refused."""
    hidden = left_to_the_jobs(["-m", *arguments])[1:]

    def job() -> Any:
        master = loader.load_configuration("train", hidden, RunMode.MULTIRUN)
        jobs = grid(OverridesParser.create().parse_overrides(unhidden(hidden)))
        return loader.load_sweep_config(master, jobs[place % len(jobs)])

    return composed(job)


def of_the_run(loader: ConfigLoaderImpl, arguments: Sequence[str]) -> Any:
    """Return what the single run gets; None if it is refused."""
    return composed(lambda: loader.load_configuration("train", list(arguments), RunMode.RUN))


def command(random: Random) -> tuple[list[str], list[list[str]]]:
    """Return the arguments of a sweep, and those of the single runs that are its jobs, in the sweep's order."""
    parts: list[list[str]] = [[line] for entry in random.sample(FIXED, random.randint(1, 5)) for line in entry.split()]
    for key, values in dict(random.sample(VARIED, random.randint(1, 2))).items():
        parts.append([f"{key}={value}" for value in values])
    random.shuffle(parts)
    typed = [f"{part[0].partition('=')[0]}={','.join(line.partition('=')[2] for line in part)}" for part in parts]
    typed = [part[0] if len(part) == 1 else line for part, line in zip(parts, typed, strict=True)]
    return typed, [list(job) for job in product(*parts)]


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in (1, 2, 3))])
def test_a_hundred_command_lines_give_a_job_what_they_give_a_single_run(part: int, loader: ConfigLoaderImpl) -> None:
    accepted = 0
    if composing := fast("composing"):
        composing.compose_once(loader)
    for number in range(25 * part, 25 * part + 25):
        typed, runs = command(Random(number))
        run = of_the_run(loader, runs[-1])
        assert of_the_sweep(loader, typed, -1) == run, typed
        accepted += run is not None
    assert 5 < accepted < 25


@pytest.mark.parametrize(
    ("typed", "run"),
    [
        (
            "model={dropout:0.25} model={hidden_sizes:[16]} seed=1,2",
            "model.dropout=0.25 model.hidden_sizes=[16] seed=2",
        ),
        ("scheduler=one_cycle,cosine scheduler.warmup=0.1", "scheduler=cosine scheduler.warmup=0.1"),
        ("scheduler.warmup=0.1 scheduler=one_cycle,cosine", "scheduler=cosine scheduler.warmup=0.1"),
        ("experiment=digits_cnn,gan model.latent_size=4", "experiment=gan model.latent_size=4"),
        ("optimizer.lr=0.1 optimizer={lr:0.5},{lr:0.7}", "optimizer.lr=0.7"),
        ("seed=1,2 seed=4", "seed=4"),
        ("optimizer.lr=0.1,0.2 ++optimizer.lr=0.3", "optimizer.lr=0.3"),
    ],
)
def test_the_last_job_is_the_run(typed: str, run: str, loader: ConfigLoaderImpl) -> None:
    found = of_the_sweep(loader, typed.split(), -1)
    assert found is not None
    assert found == of_the_run(loader, run.split())


@pytest.mark.parametrize(
    ("typed", "drawn"),
    [
        ("optimizer.lr=0.1 optimizer={lr:0.5},{lr:0.7}", ["optimizer.lr=0.1", "optimizer={lr:0.5}"]),
        ("optimizer={lr:0.5},{lr:0.7} optimizer.lr=0.1", ["optimizer={lr:0.5}", "optimizer.lr=0.1"]),
        ("model={dropout:0.1} model={hidden_sizes:[8]} seed=1,2", ["model={dropout:0.1,hidden_sizes:[8]}", "seed=1"]),
        ("seed=1,2 optimizer.lr=0.1 optimizer.lr=0.2", ["seed=1", "optimizer.lr=0.2"]),
    ],
)
def test_a_trial_of_a_search_has_its_overrides_in_the_order_in_which_they_were_typed(
    typed: str, drawn: list[str], tmp_path: Path
) -> None:
    space, lines = search_space(OverridesParser.create().parse_overrides(typed.split()))
    settings = SearchSettings(1, None, "study", None, None)
    plan = SearchPlan(tmp_path, space, lines, None, [Objective("val/loss", "min")], settings, "python train.py")
    try:
        assert plan.examples([])[0] == drawn
    finally:
        plan.close()


def test_the_same_overrides_in_another_order_are_another_job_where_the_order_counts() -> None:
    assert same_job(["seed=1", "optimizer.lr=0.1"]) == same_job(["optimizer.lr=0.1", "seed=1"])
    one, other = ["model={dropout:0.1}", "model.dropout=0.2"], ["model.dropout=0.2", "model={dropout:0.1}"]
    assert same_job(one) != same_job(other)
