"""The table of docs/lightning.md, made of what the walk has found: python -m trainhouse.tests.walk.table writes it."""

import tempfile
from pathlib import Path

from trainhouse.tests.common import ROOT
from trainhouse.tests.walk.parts import PARTS, Part
from trainhouse.tests.walk.walk import ARRAY, PAIR, found

PAGE = ROOT / "docs" / "lightning.md"
BEGIN, END = "<!-- made by trainhouse/tests/walk: begin -->", "<!-- made by trainhouse/tests/walk: end -->"
_HEADS = {
    "callback": "Callbacks",
    "logger": "Loggers",
    "profiler": "Profilers",
    "strategy": "Strategies",
    "precision": "Precisions",
}

SAME = "the same"

Cells = tuple[str, str]


def cells_of(part: Part, folder: Path) -> Cells:
    """Try it on array data and on a pair of one's own."""
    array, pair = (_cell(part, run, folder / run) for run in (ARRAY, PAIR))
    return array, pair


def _cell(part: Part, run: str, folder: Path) -> str:
    folder.mkdir()
    result = found(part, run, folder)
    if result.is_refused:
        return f"refused: {result.line}".replace("|", "\\|")
    return f"works; a resume is not exact: {result.line}" if result.line else "works, resumes exactly"


def row(part: Part, cells: Cells) -> str:
    """Return its line of the table."""
    note = f" ({part.note})" if part.note else ""
    array, pair = cells
    if part.needs:
        array, pair = (cell.replace("refused:", f"without {part.needs}:") for cell in cells)
    if array == pair and not array.startswith("works"):
        pair = SAME
    return f"| `{part.name}`{note} | {array} | {pair} |"


def rows_in(text: str) -> dict[str, list[str]]:
    """Return the lines of each kind that a page has between the markers."""
    _, _, rest = text.partition(BEGIN)
    rows: dict[str, list[str]] = {}
    heads = {head: kind for kind, head in _HEADS.items()}
    for line in rest.partition(END)[0].splitlines():
        if line.startswith("## "):
            rows[heads[line.removeprefix("## ")]] = []
        elif line.startswith("| `"):
            rows[[*rows][-1]].append(line)
    return rows


def names_in(text: str) -> dict[str, list[str]]:
    """Return what of each kind the page has a line for."""
    return {kind: [line.split("`")[1] for line in lines] for kind, lines in rows_in(text).items()}


def page_with(text: str, lines: dict[str, list[str]]) -> str:
    """Return the page with these lines between the markers."""
    head, _, rest = text.partition(BEGIN)
    tables = [
        f"## {_HEADS[kind]}\n\n| | on array data | on a pair of your own |\n|---|---|---|\n" + "\n".join(rows)
        for kind, rows in lines.items()
    ]
    return f"{head}{BEGIN}\n\n" + "\n\n".join(tables) + f"\n\n{END}{rest.partition(END)[2]}"


def main() -> None:
    """Walk, and write the table; what this machine has and the one of the table had not keeps its line."""
    text, lines = PAGE.read_text(), {kind: [] for kind in _HEADS}
    before = {kind: dict(zip(names, rows_in(text)[kind], strict=True)) for kind, names in names_in(text).items()}
    for part in PARTS:
        known = before.get(part.kind, {}).get(part.name)
        with tempfile.TemporaryDirectory() as folder:
            is_kept = known is not None and part.needs and part.is_at_hand
            line = known if is_kept and known else row(part, cells_of(part, Path(folder)))
        print(line)
        lines[part.kind].append(line)
    PAGE.write_text(page_with(text, lines))


if __name__ == "__main__":
    main()
