"""Edits of conf/ as text, so that comments and the order of keys stay: names that have moved, keys that are lacking."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from trainhouse.configuration.bounded import LOADER
from trainhouse.configuration.old_names import current_name
from trainhouse.upgrading.added_keys import FILES, GROUPS, OF_ARRAYS, OF_READERS, OF_TABLES, added_keys
from trainhouse.upgrading.findings import Change, Findings
from trainhouse.upgrading.names import exists, where_now

_NAME = re.compile(r"(?:src|trainhouse)(?:\.[A-Za-z_]\w*)+")
_READERS = (".read_npy", ".read_table", ".read_csv")
_DATA_OF_ALL = (
    "conf/train.yaml: move what stands below data: into conf/data/array_defaults.yaml, with which the file of each "
    "function that reads arrays begins: 'defaults: [array_defaults, _self_]'"
)

_CALLED_LOGS = (
    'conf/logger/tensorboard.yaml: with name: logs TensorBoard calls each run <name>/<time>/logs; with name: "" new '
    "runs are called by their folder"
)


def look_at_conf(root: Path, findings: Findings) -> None:
    """Rename what has moved, add what is lacking, and name what leads nowhere."""
    for path in sorted((root / "conf").rglob("*.yaml")):
        shown = path.relative_to(root)
        try:
            old = path.read_text(encoding="utf-8")
            text, said = _renamed(old)
            for add in (_with_groups, _with_keys):
                text, more = add(text, str(path.relative_to(root / "conf")))
                said += more
            top = _top(old)
            nowhere = [name for _, name in _names(text) if not exists(name, root) and name.count(".") > 1]
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            findings.by_hand.append(f"{shown}: is no YAML: {' '.join(str(error).split())}")
            continue
        if text != old:
            findings.changes.append(Change(path, text, said))
        findings.by_hand += [f"{shown}: no {name}{where_now(name, root)}" for name in nowhere]
        if shown == Path("conf/train.yaml") and isinstance(top.get("data"), yaml.MappingNode):
            findings.by_hand.append(_DATA_OF_ALL)
        if shown == Path("conf/logger/tensorboard.yaml") and re.search(r"(?m)^\s*name: logs\b", text):
            findings.notes.append(_CALLED_LOGS)
        if (root / "trainhouse" / shown).is_file():
            findings.notes.append(f"{shown} goes before the library's file of that name: delete it unless it is yours")
    _add_files(root / "conf", findings)


def _of_any_file(keys: dict[str, Any], reader: str) -> dict[str, str]:
    """Return the keys of a reader whose file is given by the command; one that reads a file of its own needs none."""
    name, its_keys = ("features", OF_ARRAYS) if reader.endswith(".read_npy") else ("file", OF_TABLES)
    file = keys.get(name)
    return its_keys if isinstance(file, yaml.ScalarNode) and file.value == "???" else {}


def _add_files(conf: Path, findings: Findings) -> None:
    """Add the files that have another name now, and lead to the older one."""
    for name, (older, text) in FILES.items():
        if (conf / older).is_file() and not (conf / name).exists():
            findings.changes.append(Change(conf / name, text, [f"added, {older} by its newer name"]))


def _top(text: str) -> dict[str, Any]:
    node = yaml.compose(text, Loader=LOADER)
    return {name.value: value for name, value in node.value} if isinstance(node, yaml.MappingNode) else {}


def _names(text: str) -> Iterator[tuple[Any, str]]:
    """Yield each value that is a dotted name of this project, with where it stands."""
    nodes = [yaml.compose(text, Loader=LOADER)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, yaml.ScalarNode) and _NAME.fullmatch(node.value):
            yield node, node.value
        elif isinstance(node, yaml.SequenceNode):
            nodes += node.value
        elif isinstance(node, yaml.MappingNode):
            nodes += [value for _, value in node.value]


def _renamed(text: str) -> tuple[str, list[str]]:
    said = []
    for node, name in sorted(_names(text), key=lambda one: -one[0].start_mark.index):
        if (new := current_name(name)) != name:
            start, end = node.start_mark.index, node.end_mark.index
            text = text[:start] + text[start:end].replace(name, new) + text[end:]
            said.append(f"line {node.start_mark.line + 1}: {name} is {new} now")
    return text, said[::-1]


def _with_groups(text: str, file: str) -> tuple[str, list[str]]:
    """Add the groups that a command chooses from by default."""
    defaults = _top(text).get("defaults")
    entries = defaults.value if isinstance(defaults, yaml.SequenceNode) else []
    chosen = {entry.value[0][0].value for entry in entries if isinstance(entry, yaml.MappingNode)}
    lacking = {group: option for group, option in GROUPS.get(file, {}).items() if group not in chosen}
    if not lacking or not entries:
        return text, []
    # In front of what sets keys of all groups, which has to come last.
    last = [entry for entry in entries if isinstance(entry, yaml.MappingNode)]
    before = next((one for one in last if one.value[0][0].value in ("experiment", "debug")), None)
    lines = text.splitlines(keepends=True)
    at = before.start_mark.line if before else entries[-1].start_mark.line + 1
    indent = re.match(r"\s*", lines[entries[-1].start_mark.line])
    new = [f"{indent[0] if indent else ''}- {group}: {option}\n" for group, option in lacking.items()]
    return "".join([*lines[:at], *new, *lines[at:]]), [f"defaults: added {', '.join(lacking)}"]


def _with_keys(text: str, file: str) -> tuple[str, list[str]]:
    """Add keys of a file at its end, with the value that says what was done before there was the key."""
    keys = _top(text)
    if not keys:
        return text, []
    lacking = {key: block for key, block in added_keys(file).items() if key not in keys}
    target = keys.get("_target_")
    if file.startswith("data/") and isinstance(target, yaml.ScalarNode) and target.value.endswith(_READERS):
        reads = {**OF_READERS, **_of_any_file(keys, target.value)}
        lacking |= {key: block for key, block in reads.items() if key not in keys}
    if not lacking:
        return text, []
    blocks = "\n".join(lacking.values())
    return f"{text.rstrip()}\n\n{blocks}", [f"added {', '.join(lacking)}, as it was done before"]
