"""What TensorBoard shows of a run: curves, one line among the hyperparameters, figures and the configuration."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning.pytorch.loggers import Logger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams.metadata import parse_session_start_info_plugin_data

from trainhouse.configuration.not_learned import is_learned_from
from trainhouse.configuration.settings import MAY_CHANGE, marked
from trainhouse.runs.description import name_of, title_of
from trainhouse.runs.saved_config import started_with
from trainhouse.tests.common import composed, read_history
from trainhouse.training.chosen import chosen
from trainhouse.training.train import train

OVERRIDES = ["optimizer.lr=0.05", "model.hidden_sizes=[4]", "tags=[first,wide]", "notes='a try'", "trainer=cpu"]
SMALL = ["logger=tensorboard", "trainer.max_epochs=3", "data.rows=200", "data.path=rows.npy", "threads=1"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run in `outputs`."""
    place = tmp_path_factory.mktemp("place")
    folder = place / "outputs/mine/first"
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra/overrides.yaml").write_text(yaml.safe_dump(OVERRIDES))
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(place)
        train(composed(*OVERRIDES, *SMALL), folder)
    return folder


@pytest.fixture(scope="module")
def events(run: Path) -> EventAccumulator:
    found = EventAccumulator(str(run))
    found.Reload()
    return found


def test_a_run_is_one_file_of_curves_and_nothing_else_is_among_them(run: Path, events: EventAccumulator) -> None:
    assert len([*run.rglob("*tfevents*")]) == 1
    measures = ("acc", "f1", "loss")
    names = {f"{split}/{name}" for split in ("test", "val") for name in measures} | {"train/acc", "train/loss"}
    assert set(events.Tags()["scalars"]) == names | {"best/val/loss", "step/loss", "step/lr"}
    assert [len(events.Scalars(name)) for name in ("val/loss", "test/loss")] == [3, 1]


def test_a_value_has_the_same_step_wherever_it_is_kept(run: Path, events: EventAccumulator) -> None:
    steps = [row["step"] for row in read_history(run / "logs/metrics.csv")]
    for name in ("val/loss", "train/loss", "best/val/loss"):
        assert [event.step for event in events.Scalars(name)] == steps
    assert [event.step for event in events.Scalars("test/loss")] == steps[-1:]


def test_tensorboard_calls_a_run_by_its_folder(run: Path) -> None:
    shown = EventMultiplexer().AddRunsFromDirectory(str(run.parents[1])).Reload()
    assert [*shown.Runs()] == ["mine/first"]


def test_the_best_value_is_the_last_one_of_its_name(events: EventAccumulator) -> None:
    losses = [event.value for event in events.Scalars("val/loss")]
    assert [event.value for event in events.Scalars("best/val/loss")] == [min(losses[: n + 1]) for n in range(3)]


def test_the_line_among_hyperparameters_has_what_was_typed(events: EventAccumulator) -> None:
    start = parse_session_start_info_plugin_data(
        events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    )
    values = {name: value.number_value or value.string_value for name, value in start.hparams.items()}
    assert values == {"optimizer.lr": 0.05, "model.hidden_sizes": "[4]"}
    assert start.group_name == "first (mine)"


def test_figures_and_the_configuration_are_there_and_tags_and_notes_with_it(events: EventAccumulator) -> None:
    assert "visuals/loss_curve" in events.Tags()["images"]
    config, notes = (events.Tensors(f"{name}/text_summary")[0].tensor_proto for name in ("config", "notes"))
    assert config.string_val[0].startswith(b"```yaml\nname: ")
    assert notes.string_val[0] == b"tags: first, wide\n\na try"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], {"seed": 0}),
        (["seed=0", "trainer.max_epochs=5"], {"seed": 0, "trainer.max_epochs": "auto"}),
        (["model=cnn", "+data.x='a b'"], {"model": "cnn", "data.x": "a b"}),
        (["~scheduler", "logger=csv", "hydra.run.dir=x", "tags=[a]", "trainer=cpu", "sweep.metric=x"], {"seed": 0}),
        (["model.hidden_sizes=[1]", "compile=true"], {"model.hidden_sizes": "[128, 64]", "compile": False}),
    ],
)
def test_what_was_typed_has_the_value_that_the_run_has(overrides: list[str], expected: dict[str, Any]) -> None:
    assert chosen(composed(), overrides) == expected


def test_a_folder_without_a_record_of_its_command_has_no_overrides(tmp_path: Path) -> None:
    assert started_with(tmp_path) == []
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra/overrides.yaml").write_text("}")
    assert started_with(tmp_path) == []


@pytest.mark.parametrize(
    ("folder", "title", "name"),
    [
        ("outputs/mine/09-30", "09-30 (mine)", "09-30"),
        ("outputs/mine/sweep_1/3", "3 (mine/sweep_1)", "sweep_1/3"),
        ("elsewhere/run", "run (elsewhere)", "run"),
        ("outputs/run", "run", "run"),
    ],
)
def test_a_run_is_called_by_its_folder(
    folder: str, title: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (title_of(Path(folder)), name_of(Path(folder))) == (title, name)


class Away(Logger):
    """Its service takes what is logged, and then is away."""

    name, version = "away", "0"

    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None: ...

    def log_metrics(self, metrics: Any, step: Any = None) -> None: ...

    def log_image(self, name: str, images: list[str]) -> None:
        raise ConnectionError("no route\nto host")


def test_a_logger_that_fails_at_the_end_costs_a_line_and_not_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = {"away": {"_target_": f"{__name__}.Away"}}
    train(composed("trainer=cpu", *SMALL[1:], f"data.path={tmp_path}/rows.npy").with_values({"logger": away}), tmp_path)
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["status"] == "completed"
    assert "test/acc" in content["metrics"]
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("warning: Away")]
    assert said == [
        "warning: Away did not take figures/loss_curve.png (ConnectionError: no route)",
    ]


def test_what_changes_nothing_that_is_learned_is_in_one_list() -> None:
    keys = [key for key in marked(MAY_CHANGE) if "." not in key]
    assert {"tags", "notes", "figures", "log_gradients", "threads"} <= set(keys)
    assert not any(map(is_learned_from, keys))
    assert is_learned_from("optimizer.lr")
    assert is_learned_from("names")
