"""A table with a header: numbers, text categories and empty cells, in a file or several of any format."""

import atexit
import errno
import hashlib
import logging
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from trainhouse.arrays.array_file import open_array
from trainhouse.arrays.fingerprint import content_of
from trainhouse.arrays.learned import with_group_in_each
from trainhouse.arrays.spec import AUTO, Dataset, DataSpec, Missing, Rows
from trainhouse.arrays.unlabelled import Unlabelled
from trainhouse.configuration.annotations import Count, Whole
from trainhouse.configuration.bounded import read_mapping
from trainhouse.configuration.errors import UserError
from trainhouse.machine.locks import one_at_a_time
from trainhouse.tables.beside_columns import BesideColumns, names_own_file, read_beside
from trainhouse.tables.columns import Asked
from trainhouse.tables.convert import NOTES, PARTS, convert
from trainhouse.tables.csv_form import FormKeys
from trainhouse.tables.kinds import Columns, Kinds
from trainhouse.tables.missing_words import NaValues, Words
from trainhouse.tables.one_file import Keys
from trainhouse.tables.table_files import DIGITS, content_digest, files_of, folder_of

_log = logging.getLogger(__name__)
_NOT_WRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)


def read_table(
    file: str,
    target: str | list[str],
    processed: str,
    task: str | None = None,
    drop: list[str] | None = None,
    shape: list[int] | None = None,
    dtype: str = "float32",
    missing: Missing = "mean",
    channel_axis: int | str = AUTO,
    keep_index: bool = False,
    columns: Columns = None,
    na_values: NaValues = None,
    min_category_rows: Count = 1,
    separator: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    encoding: str | None = None,
    skip_rows: Whole = 0,
    sheet: str | None = None,
    val_file: str | None = None,
    test_file: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    time_column: str | None = None,
    weight_column: str | None = None,
    id_columns: list[str] | None = None,
    keep_columns: list[str] | None = None,
    unlabelled: Unlabelled = "error",
    like: DataSpec | None = None,
) -> Dataset:
    """Read the columns of `file` as features, and `target` (a column, or several for regression) as labels.

    The converted arrays are kept below the folder `processed`, in a folder named after the content and these
    arguments, so the next run maps them into memory at once; that folder can be deleted at any time.

    Args:
        drop: columns that are neither features nor labels.
        shape: shape of one row, for tables whose columns are pixels.
        dtype: ``uint8`` keeps whole numbers from 0 to 255 in a byte each; ``float32`` becomes float64 by itself
            where it would round away what tells numbers apart, as in a column far from 0.
        channel_axis: the axis of a row along which columns, features or channels lie, as `channel_axis_of` says.
        keep_index: use columns that number the rows too; they are left out otherwise, and named.
        columns: what columns are, in place of what their cells look like, as `Kinds.asked` says.
        na_values: words that stand for a missing value beside the usual ones, as `Words.asked` says.
        min_category_rows: texts of fewer training rows share one category, which unknown ones belong to later.
        separator, decimal, thousands, encoding: the form of text files, which is recognised where it is certain.
        skip_rows: lines of text files, or rows of a sheet, above the header.
        sheet: the sheet of a workbook with several.
        val_file, test_file: tables of these splits' rows, whose columns, classes and categories are those of `file`.
        split_column: which split a row is of; `group_column`: rows of one group are in one split; `time_column`: the
            past trains; `weight_column`: what a row counts; `id_columns` are carried into predictions. None of them is
            a feature, but for what `keep_columns` names of group and time.
        unlabelled: ``drop`` leaves rows without a label out of every split; ``error`` refuses them.
        like: spec of earlier data, whose columns, classes and category codes these rows share.
    """
    path = Path(file)
    if dtype not in ("uint8", "float32"):
        raise UserError(f"data.dtype: expected uint8 or float32, got '{dtype}'")
    targets = [target] if isinstance(target, str) else list(target)
    if not targets:
        raise UserError("data.target: expected the name of a column, or of several, got an empty list")
    if twice := [name for name, count in Counter(targets).items() if count > 1]:
        raise UserError(f"data.target: column '{twice[0]}' is named twice")
    if both := [name for name in drop or [] if name in targets]:
        raise UserError(f"data.drop: column '{both[0]}' is the target; name it in data.target or in data.drop")
    if shape is not None and (not shape or min(shape) < 1):
        raise UserError(f"data.shape: expected whole numbers above 0, as [1, 28, 28], or null, got {shape}")
    words = Words.of_spec(like.missing_words) if like else Words.asked(na_values)
    kinds = Kinds.asked(None if like else columns)
    form = FormKeys(separator, decimal, thousands, encoding, skip_rows).check()
    keys = Keys(form, sheet, words.in_numbers, _as_codes(targets, task, kinds, like))
    keys = keys.as_hints(like.marks) if like else keys
    ids, kept_too = tuple(id_columns or ()), tuple(keep_columns or ())
    written = None if time_column is None else Kinds.asked(columns).formats.get(time_column)
    beside = BesideColumns(split_column, group_column, time_column, weight_column, ids, kept_too, written)
    beside.check(targets)
    kinds = kinds.of_features({name: key for key, name in beside.named() if name not in kept_too})
    dropped = [*(drop or []), *(name for name in beside.not_features() if name not in (drop or []))]
    texts = (name for name, kind in kinds.of.items() if kind != "number")
    keys = keys._replace(no_numbers=(*dropped, *texts))
    asked = Asked(
        targets,
        task,
        dropped,
        shape,
        dtype,
        missing,
        channel_axis,
        keep_index,
        kinds,
        words,
        keys.set(),
        unlabelled,
        like,
    )
    with beside.names_its_keys():
        dataset, folder = _read(path, asked, keys, processed, file)
    dataset = replace(dataset, left_out=_left_out(dataset.left_out, beside, drop or [], Kinds.asked(columns)))
    own_like, y = like or dataset.spec, dataset.rows.y
    known = [*own_like.columns, *targets]
    found: dict[str, Any] = {"beside": read_beside(path, beside, keys, folder, y, known, passes=like is not None)}
    asked = asked._replace(like=with_group_in_each(own_like) if min_category_rows > 1 else own_like, drop=[])
    keys = keys.as_hints(own_like.marks)
    for split, name in (("val", val_file), ("test", test_file)):
        if name is not None:
            with names_own_file(path, name, split, file):
                own, folder = _read(Path(name), asked, keys, processed, name)
                found[split] = own.rows
                own_beside = read_beside(Path(name), beside.of_own_file(), keys, folder, own.rows.y, known)
                found[f"{split}_beside"] = own_beside
    return replace(dataset, min_category_rows=min_category_rows, **found)


def _read(path: Path, asked: Asked, keys: Keys, processed: str, name: str) -> tuple[Dataset, Path]:
    """Return the rows of one table, and the folder in which they are kept as arrays."""
    content = content_digest(files_of(path, "data.file"))[:DIGITS]
    folder = Path(processed) / folder_of(path) / f"{content}-{asked.digest()}"
    try:
        folder, spec, notes, rows = _kept_or_made(path, asked, keys, folder)
    except UserError as error:
        if str(error).startswith(str(path)):
            raise type(error)(f"data.file: {error}") from error
        raise
    for line in notes["readings"]:
        _log.info("%s: %s", name, line)
    for line in notes["warnings"]:
        _log.warning("warning: %s: %s", name, line)
    for line in notes["notes"]:
        _log.info("note: %s: %s", name, line)
    unused = dict.fromkeys(notes.get("unused", ()), "numbers the rows")
    return Dataset(spec, rows, name=name, reason=notes["reason"], left_out=unused), folder


def _kept_or_made(path: Path, asked: Asked, keys: Keys, folder: Path) -> tuple[Path, DataSpec, dict[str, Any], Rows]:
    """Return what `folder` has, or has now; by one process at a time, so that of several one reads the table.

    Where nothing can be written the arrays are in another folder, which this process removes when it ends.
    """
    if kept := _kept(folder):
        return folder, *kept
    with one_at_a_time(f"table-{hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:32]}"):
        if kept := _kept(folder):
            return folder, *kept
        try:
            convert(path, asked, keys, folder)
        except OSError as error:
            if error.errno not in _NOT_WRITABLE:
                raise UserError(f"data.processed: cannot write {folder}: {error.strerror}") from error
            why = error
        else:
            return folder, *_made(folder)
    temporary = mkdtemp(prefix="table-")
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    own = Path(temporary) / folder.name
    text = "cannot write %s (%s), so each process reads the table again, into %s"
    _log.warning(f"warning: data.processed: {text}", folder, why.strerror, temporary)
    try:
        convert(path, asked, keys, own)
    except OSError as error:
        raise UserError(f"data.processed: cannot write {folder}, nor {temporary}: {error.strerror}") from error
    return own, *_made(own)


def _made(folder: Path) -> tuple[DataSpec, dict[str, Any], Rows]:
    if (kept := _kept(folder, is_new=True)) is None:
        raise UserError(f"data.processed: {folder} can't be read back; delete it")
    return kept


def _as_codes(targets: list[str], task: str | None, kinds: Kinds, like: DataSpec | None) -> tuple[str, ...]:
    """Return the columns that are text if some of their whole numbers have zeros in front."""
    if like:
        has_zeros = any(name[:1] == "0" and name != "0" for name in like.classes)
        return (*(like.categories or ()), *(targets if has_zeros else ()))
    return (*kinds.all_of("category"), *(targets if len(targets) == 1 and task != "regression" else ()))


def _left_out(unused: dict[str, str], beside: BesideColumns, drop: list[str], kinds: Kinds) -> dict[str, str]:
    """Return what leaves each of the unused columns out."""
    by_key = dict.fromkeys(kinds.all_of("drop"), "data.columns") | dict.fromkeys(drop, "data.drop")
    by_key |= {name: f"data.{key}" for key, name in beside.named()}
    return {name: by_key.get(name, why) for name, why in unused.items()}


read_csv = read_table  # what configurations and code of earlier versions name


def _kept(folder: Path, is_new: bool = False) -> tuple[DataSpec, dict[str, Any], Rows] | None:
    """The spec of the arrays in `folder`, what is to be said of them, and the arrays themselves.

    None if there are none, or other ones than were written; of those that are new this need not be asked.
    """
    try:
        content, notes = (read_mapping(folder / name) for name in ("spec.json", NOTES))
        lists = ("warnings", "notes", "readings")
        if content is None or notes is None or not all(isinstance(notes[one], list) for one in lists):
            return None
        arrays = {part: open_array(folder / f"{part}.npy", "data.processed") for part in PARTS}
        contents = notes["contents"]
        if not is_new and {part: content_of(array, str(folder)).hex() for part, array in arrays.items()} != contents:
            return None
        return DataSpec.from_dict(content), {**notes, "reason": str(notes["reason"])}, Rows(*arrays.values())
    except (UserError, KeyError, TypeError):
        return None
