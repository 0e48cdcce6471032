"""Damaged tables of every format are read, or refused in one clear line, and nothing else happens."""

import shutil
from pathlib import Path
from random import Random

from hypothesis import given

from trainhouse.tables.read_table import read_table
from trainhouse.tests.fuzz.damage import damaged
from trainhouse.tests.fuzz.examples import chances, examples
from trainhouse.tests.fuzz.test_rows import all_rows
from trainhouse.tests.fuzz.watched import outcome
from trainhouse.tests.test_table_files import MODEL, TABLE, write

ENDINGS = ("tsv", "csv.gz", "parquet", "feather", "arrow", "jsonl", "xlsx")


@examples(40)
@given(random=chances)
def test_a_damaged_file_is_read_or_refused(random: Random, place: Path) -> None:
    ending = random.choice(ENDINGS)
    path = place / f"damaged.{ending}"
    path.write_bytes(damaged(write(TABLE, place / f"whole.{ending}").read_bytes(), random))
    outcome(lambda: all_rows(path, MODEL), place)
    for like in (None, MODEL):
        shutil.rmtree("processed", ignore_errors=True)
        outcome(lambda like=like: read_table(str(path), "y", "processed", like=like), place)
