"""``python train.py --help``: what a command is for, and what is typed behind it, read from conf/ as it is."""

import sys
from collections.abc import Iterator
from pathlib import Path

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.meanings import begins_with, meanings
from trainhouse.configuration.read_by import OF_THE_WRAPPER, is_read
from trainhouse.configuration.schema import config_file, options
from trainhouse.configuration.source import signature
from trainhouse.configuration.takes import annotation_of, described, in_words
from trainhouse.launching.composed import Composed
from trainhouse.launching.layout import as_typed, first_sentence, paragraph, shortened, table

KEYS = 10

_PURPOSE = {
    "train": "Train a model. Everything about the run goes into a folder of its own: its configuration, log, metrics, "
    "figures and checkpoints.",
    "eval": "Evaluate a trained model on data that it was not trained on. The checkpoint says which model it is, how "
    "it was trained and on which data.",
    "infer": "Predict with a trained model: raw rows in, a file of predictions out. The checkpoint says which model it "
    "is and how rows are prepared.",
    "select_best_model": "Compare finished runs, and promote the best one's model: it becomes the final model, which "
    "infer.py takes.",
}
# Of these the first three are shown whose options and keys there are.
_EXAMPLES = {
    "train": (
        ("", "the defaults"),
        ("{data} {model}", "another choice"),
        ("trainer.max_epochs=50 optimizer.lr=0.01", "other values"),
        ("-m seed=1,2,3", "three runs"),
        ("resume=last", "the last run"),
    ),
    "eval": (
        ("ckpt_path=outputs/<name>/<time>", "the test rows"),
        ("ckpt_path=outputs/<name>/<time> split=val", "validation rows"),
        ("ckpt_path=outputs/<name>/<sweep>", "a sweep's best runs"),
    ),
    "infer": (
        ("input=rows.csv output=predictions.csv", "the promoted model"),
        ("ckpt_path=outputs/<name>/<time> input=rows.csv output=out.csv", "a run's best model"),
        ("ckpt_path=outputs/<name>/<sweep> input=rows.npy output=out.csv", "a sweep's best runs"),
    ),
    "select_best_model": (
        ("", "among all runs"),
        ("dry_run=true", "only show the table"),
        ("runs=outputs/<name> metric=test/acc mode=max", "by another metric"),
    ),
}
# Of these the first ten that there are.
_USED_MOST = {
    "train": (
        *("trainer.max_epochs", "data.batch_size", "optimizer.lr", "optimizer.weight_decay", "model.hidden_sizes"),
        *("model.dropout", "seed", "name", "monitor", "resume", "init_from", "trainer.accelerator"),
        *("data.num_workers", "trainer.precision", "threads", "compile"),
    ),
    "eval": (
        *("ckpt_path", "split", "data", "predictions", "name", "threads"),
        *("trainer.accelerator", "trainer.devices", "trainer.precision", "trainer.limit_test_batches"),
    ),
}


def help_page(asked: Composed) -> str:
    """Return the page of a command."""
    script = f"python {Path(sys.argv[0]).name}"
    groups = [group for group in asked.choices if not group.startswith("hydra")][::-1]
    groups = [group for group in groups if options(group)]
    lines = [f"{script} {'[group=option ...] ' if groups else ''}[key=value ...]", ""]
    lines += paragraph(_PURPOSE.get(asked.command) or meanings(config_file(asked.command)).meaning)
    if examples := list(_examples(asked, script)):
        lines += ["", "Examples", *table(examples, left=60)]
    if groups:
        lines += ["", "Groups: type group=option to choose one; * is the default"]
        lines += table([(group, _options(group, asked)) for group in groups])
    shown = _used_most(asked)
    title = "Keys" if {*shown} >= {*_own_keys(asked)} and not groups else "Keys used most"
    lines += ["", f"{title}: type key=value to change one", *table([_row(key, asked) for key in shown])]
    lines += ["", "More", *table(list(_more(asked, script, groups)), left=48)]
    return "\n".join(line.rstrip() for line in lines)


def _examples(asked: Composed, script: str) -> Iterator[tuple[str, str]]:
    shown = 0
    for arguments, meaning in _EXAMPLES.get(asked.command, ()):
        others = {group: f"{group}={other}" for group in ("data", "model") if (other := _another(group, asked))}
        try:
            typed = arguments.format(**others)
        except KeyError:
            continue
        keys = [one.partition("=")[0] for one in typed.split() if "=" in one]
        if shown < 3 and all(_is_used(key, asked) for key in keys):
            shown += 1
            yield f"{script} {typed}".rstrip(), meaning


def _another(group: str, asked: Composed) -> str | None:
    """Return an option of the same kind that can be chosen without more: one that says itself what it needs."""
    chosen = asked.choices.get(group)
    for name in asked.options(group):
        path = config_file(f"{group}/{name}")
        is_alike = chosen is None or _is_lightning(path) == _is_lightning(config_file(f"{group}/{chosen}"))
        if name != chosen and is_alike and not _leaves_open(group, name):
            return name
    return None


def _leaves_open(group: str, option: str) -> bool:
    """Whether the file of an option, or one that it begins with, leaves a value to whoever chooses it."""
    files = [config_file(f"{group}/{name}") for name in (option, *begins_with(group, option))]
    return any("???" in path.read_text(encoding="utf-8", errors="replace") for path in files)


def _is_lightning(path: Path) -> bool:
    try:
        target = meanings(path).keys.get("_target_") if path.is_file() else None
    except (UserError, UnicodeDecodeError):  # whoever chooses it hears of that
        return False
    found = signature(target.written) if target else None
    return found is not None and found.is_lightning


def _is_used(key: str, asked: Composed) -> bool:
    """Whether there is a key, and what is composed reads it: a LightningModule makes much for itself."""
    group = key.partition(".")[0]
    if group in OF_THE_WRAPPER and (option := asked.choices.get("model")) and not is_read(group, asked.config):
        return asked.has(key) and not _is_lightning(config_file(f"model/{option}"))
    return asked.has(key)


def _options(group: str, asked: Composed) -> str:
    chosen = asked.choices.get(group)
    names = ", ".join(f"{name}*" if name == chosen else name for name in asked.options(group))
    meaning = asked.meaning(f"defaults.{group}")
    return f"{meaning}: {names}" if meaning else names


def _used_most(asked: Composed) -> list[str]:
    return [key for key in _USED_MOST.get(asked.command) or _own_keys(asked) if _is_used(key, asked)][:KEYS]


def _own_keys(asked: Composed) -> list[str]:
    """Return the keys of the command's own file."""
    return [str(key) for key in asked.plain if key != "hydra" and key not in asked.choices]


def _row(key: str, asked: Composed) -> tuple[str, str]:
    value = asked.value(key)
    words = in_words(annotation_of(key, asked.plain, asked.command))
    required = "; required" if value == "???" else ""
    shown = "..." if required else shortened(as_typed(value), 76 - len(key))
    return f"{key}={shown}", described(first_sentence(asked.meaning(key)), f"{words}{required}")


def _more(asked: Composed, script: str, groups: list[str]) -> Iterator[tuple[str, str]]:
    group = next((one for one in ("model", *groups) if one in groups and asked.choices.get(one)), None)
    if group:
        option = _another(group, asked) or asked.choices[group]
        yield f"{script} --help {group}", "what the options of a group are"
        yield f"{script} --help {group}={option}", "the keys of an option"
    if key := next(iter(_used_most(asked)), None):
        yield f"{script} explain={key}", "where a value comes from"
    yield f"{script} --cfg job", "all keys and values"
    yield f"{script} --hydra-help", "options with dashes"
    for name, meaning in (("start", "the first steps, explained"), ("commands", "all commands")):
        page = config_file(asked.command).parents[1] / "docs" / f"{name}.md"
        if page.is_file():
            yield f"docs/{name}.md", meaning
