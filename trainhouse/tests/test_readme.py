"""Every example of code in README and docs/ is run, pasted word for word into a copy of the project."""

import csv
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainhouse import __version__
from trainhouse.tests.common import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}
# <!-- file: src/models/x.py -->, then a block of code: what the file holds.
_BLOCK = re.compile(r"<!-- (file|append|run)(?:: (\S+))? -->\n```\w+\n(.*?)```", re.DOTALL)


def blocks() -> Iterator[tuple[str, str, str]]:
    return ((kind, place, text) for page in PAGES for kind, place, text in _BLOCK.findall(TEXT[page]))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's code with all examples pasted in."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("src", "conf", "hydra_plugins", "trainhouse"):
        leave_out = shutil.ignore_patterns("tests", "benchmarks", "__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=leave_out)
    for script in ROOT.glob("*.py"):
        shutil.copy(script, folder)
    for kind, place, text in blocks():
        if kind == "file":
            assert not (ROOT / place).exists(), f"{place} is there already"
            (folder / place).write_text(text)
        elif kind == "append":
            path = folder / place
            path.write_text(f"{path.read_text()}\n\n{text}")
    return folder


def run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    words = command.replace("python ", f"{sys.executable} ", 1)
    return subprocess.run(
        words, shell=True, cwd=folder, capture_output=True, text=True, timeout=300, check=False, env={**os.environ}
    )


def test_every_block_of_python_and_of_yaml_says_where_it_goes() -> None:
    marked = sum(kind in ("file", "append") for kind, _, _ in blocks())
    assert marked == sum(len(re.findall(r"^```(?:python|yaml)$", text, re.MULTILINE)) for text in TEXT.values())


def test_every_link_leads_somewhere_and_every_page_is_linked() -> None:
    linked = set()
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", TEXT[page]):
            path = (page.parent / target).resolve()
            assert target.startswith("https://") or path.exists(), f"{page.name}: {target}"
            linked.add(path)
    assert {*PAGES} - {*linked} == {ROOT / "README.md"}


def test_the_version_is_said_once_and_the_changelog_begins_with_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" in project["dynamic"]
    heading = re.search(r"^## (\S+)", (ROOT / "trainhouse" / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heading
    assert heading[1] == __version__


def test_the_site_is_built_with_what_its_extra_names() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["docs"]
    assert " ".join(f"'{one}'" for one in extra) in (ROOT / ".github" / "workflows" / "ci.yml").read_text()


def test_every_page_is_in_the_menu_of_the_site() -> None:
    menu = (ROOT / "mkdocs.yml").read_text()
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert set(re.findall(r"^ +- (\S+\.md)$", menu, re.MULTILINE)) >= pages


def test_readme_can_be_read_at_one_sitting() -> None:
    assert len(TEXT[ROOT / "README.md"].splitlines()) <= 150


@pytest.mark.parametrize("command", [text.strip() for kind, _, text in blocks() if kind == "run"])
def test_an_example_runs_as_it_stands(command: str, clone: Path) -> None:
    done = run(clone, f"{command} trainer=cpu logger=none")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "best epoch" in done.stdout


def test_the_metric_and_the_loss_of_the_examples_are_used(clone: Path) -> None:
    (clone / "table.csv").write_text(
        "a,b,y\n" + "".join(f"{n % 7},{n % 5},{n % 7 + 2 * (n % 5)}.5\n" for n in range(200))
    )
    table = (
        "data=csv data.file=table.csv data.target=y loss=log_cosh metrics=[auto,within_one] hydra.run.dir=outputs/table"
    )
    common = "python train.py trainer=cpu logger=none trainer.max_epochs=1"
    done = run(clone, f"{common} {table}")
    assert done.returncode == 0, done.stdout + done.stderr
    with open(clone / "outputs/table/logs/metrics.csv", newline="") as file:
        assert "val/within_one" in next(csv.DictReader(file))
