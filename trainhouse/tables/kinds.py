"""What a user says of the columns of a table: numbers, categories, dates, or nothing to learn from."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from annotated_types import doc

from trainhouse.configuration.errors import UserError, did_you_mean

KINDS = ("number", "category", "date", "drop")
_KEY = "data.columns"
Columns = Annotated[
    dict[str, Any] | None,
    doc("a mapping of columns to number, category, date, drop or {date: format}, or of these to lists of columns"),
]


class Kinds(NamedTuple):
    """The kind of each column that has been said, and the format of dates where one is given."""

    of: dict[str, str]
    formats: dict[str, str]

    @classmethod
    def asked(cls, given: Any) -> "Kinds":
        """Return what `data.columns` says: ``{age: number}``, or for names that a shell or Hydra has signs of
        ``{number: ["height (cm)"], date: [{name: "day (UTC)", format: "%d/%m/%Y"}]}``.

        Raises `UserError` for a kind that there isn't, and for a column that is named twice.
        """
        found: dict[str, str] = {}
        formats: dict[str, str] = {}
        for name, kind, written in _each(given or {}):
            if kind not in KINDS:
                raise UserError(f"{_KEY}: {name}: {_no_kind(kind)}")
            if name in found:
                raise UserError(f"{_KEY}: column '{name}' is named twice")
            found[name] = kind
            if written is not None:
                formats[name] = written
        return cls(found, formats)

    def all_of(self, kind: str) -> list[str]:
        """Return the columns of a kind."""
        return [name for name, one in self.of.items() if one == kind]

    def typed(self, name: str, kind: str, written: str = "") -> str:
        """Return ``'data.columns={a: number}'`` as it can be typed, with all that is said, and one column besides.

        Where a name can't be typed as it is the kinds stand in front. `written` is the format of dates.
        """
        kinds, formats = {**self.of, name: kind}, {**self.formats, **({name: written} if written else {})}
        parts = {one: f'{{date: "{formats[one]}"}}' if one in formats else kind for one, kind in kinds.items()}
        if all(re.fullmatch(r"[A-Za-z_][\w-]*", one, re.ASCII) for one in kinds):
            return _for_shell(f"data.columns={{{', '.join(f'{one}: {part}' for one, part in parts.items())}}}")
        lists: dict[str, list[str]] = {}
        for one, its_kind in kinds.items():
            dated = f'{{name: {_quoted(one)}, format: "{formats[one]}"}}' if one in formats else _quoted(one)
            lists.setdefault(its_kind, []).append(dated)
        inner = ", ".join(f"{one}: [" + ", ".join(names) + "]" for one, names in lists.items())
        return _for_shell(f"data.columns={{{inner}}}")

    def of_features(self, beside: Mapping[str, str]) -> "Kinds":
        """Return it without columns that are no features, each by its key: `beside`.

        A time may be said to be a date or a number, a weight to be a number. Raises `UserError` for anything else.
        """
        takes = {"time_column": ("date", "number", "drop"), "weight_column": ("number", "drop")}
        for name, key in beside.items():
            kind = self.of.get(name, "drop")
            if kind not in takes.get(key, ("drop",)):
                raise UserError(f"{_KEY}: column '{name}' is no feature, but data.{key}; leave it out of one")
        return Kinds(
            {name: kind for name, kind in self.of.items() if name not in beside},
            {name: written for name, written in self.formats.items() if name not in beside},
        )

    def check(self, names: Sequence[str], targets: Iterable[str], drop: Iterable[str], source: str) -> None:
        """Raise `UserError` for a column that isn't among `names`, or is a target, or is dropped and something else."""
        for name, kind in self.of.items():
            if name not in names:
                raise UserError(f"{_KEY}: {source} has no column '{name}'{did_you_mean(name, names)}")
            if name in targets:
                raise UserError(f"{_KEY}: column '{name}' is the target; data.task says what it is")
            if kind != "drop" and name in drop:
                raise UserError(f"{_KEY}: column '{name}' is in data.drop too; leave it out of one")


NOTHING = Kinds({}, {})
"""Nothing is said."""


def _each(given: dict[Any, Any]) -> Iterator[tuple[str, Any, str | None]]:
    """Yield each column with its kind and the format of its dates, if it has one."""
    for key, value in given.items():
        if not isinstance(value, list):
            is_dated = isinstance(value, dict) and [*value] == ["date"] and isinstance(value["date"], str)
            yield (str(key), "date", value["date"]) if is_dated else (str(key), value, None)
            continue
        for one in value:
            is_dated = key == "date" and isinstance(one, dict) and {*one} == {"name", "format"}
            yield (str(one["name"]), key, str(one["format"])) if is_dated else (str(one), key, None)


def _no_kind(kind: Any) -> str:
    if isinstance(kind, dict):
        return 'a date may have a format, as {date: "%d/%m/%Y"}, got ' + repr(kind)
    near = did_you_mean(str(kind), KINDS)
    return f"expected one of {', '.join(KINDS)}, or {{date: format}}, got '{kind}'{near}"


def typed_list(key: str, names: Sequence[str]) -> str:
    """Return ``data.drop=[a,b]`` as it can be typed."""
    if all(re.fullmatch(r"[A-Za-z_][\w.-]*", name, re.ASCII) for name in names):
        return f"{key}=[{','.join(names)}]"
    return _for_shell(f"{key}=[{', '.join(map(_quoted, names))}]")


def typed_drop(names: Sequence[str]) -> str:
    """Return what leaves columns out, as it can be typed."""
    return typed_list("data.drop", names)


def typed_words(words: Sequence[str]) -> str:
    """Return ``'data.na_values=["?"]'`` as it can be typed."""
    return _for_shell(f"data.na_values=[{', '.join(map(_quoted, words))}]")


def _quoted(name: str) -> str:
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', name)
    return f'"{escaped}"'


def _for_shell(override: str) -> str:
    inner = override.replace("'", "'\\''")
    return f"'{inner}'"
