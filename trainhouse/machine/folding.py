"""Lines that are longer than the terminal is wide, folded at spaces: a terminal by itself cuts words in two."""

import re
import textwrap

# What a line begins with, below which nothing stands: a label of the first lines, the number of a job.
_LABEL = re.compile(r"(?:(?:job|trial) \d+ +|[a-z]{1,8} {2,}| {7,})(?=\S)")
_ADDRESSED = re.compile(r"(?:error|warning): (?=\S)")  # its first word stays beside it, however long
_GAP = re.compile(r"\S {2,}(?=\S)")  # between the columns of a table, which is left as it is
# A command is left on a line of its own, so that it can be copied as a whole.
_COMMAND = re.compile(r"(?:^|\s)\s*(?=\S*python\S* \S+\.py )")
_LEAST = 40  # columns, of what is folded


def folded(text: str, columns: int) -> str:
    """Return `text` with its long lines folded, but for a command. A word that is longer, as a path, stays whole."""
    return "\n".join(_folded(line, columns) for line in text.split("\n"))


def _folded(line: str, columns: int) -> str:
    if len(line) <= columns or columns < _LEAST:
        return line
    label = _LABEL.match(line)
    indent = " " * (label.end() if label else 2)
    words, *command = _COMMAND.split(line, maxsplit=1)
    if (command and words in ("", "next:")) or (not label and len(_GAP.findall(line)) > 1):
        return line
    start = label or _ADDRESSED.match(words)
    begins = start.group() if start and words.startswith(start.group()) else ""
    lines = textwrap.wrap(
        words.removeprefix(begins),
        columns,
        initial_indent=begins,
        subsequent_indent=indent,
        replace_whitespace=False,
        expand_tabs=False,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join([*lines, *(indent + one for one in command)])
